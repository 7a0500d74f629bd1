// SPDX-License-Identifier: Apache-2.0

/**
 * A proxy that breaks its promise on purpose, to show that the fault tests notice it: its answers leave whether its
 * lease is valid or not (against I8). So one that is cut off while others take its shards answers from old state.
 */

import { systemClock, systemRandom } from "../../pkg/base/mod.ts";
import { ClusterRuntime } from "../../pkg/cluster/nats/mod.ts";
import { proxyOptions, startProxy } from "../../pkg/proxy/mod.ts";
import { createLogger, logsOnly } from "../../pkg/telemetry/mod.ts";

const begin = Object.getOwnPropertyDescriptor(ClusterRuntime.prototype, "begin")
  ?.value as ClusterRuntime["begin"];

ClusterRuntime.prototype.begin = function (shard) {
  const admission = begin.call(this, shard);
  return admission && { pass: () => "reply", end: () => admission.end() };
};

const proxy = await startProxy(proxyOptions({}, process.env), {
  clock: systemClock,
  random: systemRandom,
  telemetry: logsOnly(createLogger("info", process.stdout)),
  onSpec: (spec) => {
    if (spec !== undefined) process.stderr.write(`ready http://127.0.0.1:${proxy.port}\n`);
  },
});
process.once("SIGTERM", () => void proxy.stop().then(() => process.exit(0)));
