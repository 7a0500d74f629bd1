// SPDX-License-Identifier: Apache-2.0

/** A proxy that is stopped while it joins the others. */

import type { ExecutionContext } from "ava";

import { systemClock, systemRandom } from "../../base/mod.ts";
import { seededRandom } from "../../base/test-doubles/mod.ts";
import { NO_TELEMETRY } from "../../telemetry/mod.ts";

import type { FaultProxy } from "../../../test/lib/fault-proxy.ts";
import { startFaultProxy } from "../../../test/lib/fault-proxy.ts";
import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import { RELAXED_PROXY } from "../../../test/lib/nats/relaxed.ts";
import { startNatsServer } from "../../../test/lib/nats/server.ts";
import { until } from "../../../test/lib/until.ts";
import { divideMemory } from "../memory.ts";
import { proxyOptions } from "../options.ts";
import { SharedEntities } from "./shared-entities.ts";

/** Begins to join others over a slow network. */
async function startToJoin(t: ExecutionContext): Promise<{ shares: SharedEntities; network: FaultProxy }> {
  const server = await startNatsServer();
  t.teardown(() => server.stop());
  const network = await startFaultProxy(server.port, seededRandom(16));
  t.teardown(() => network.close());
  network.delay(100);
  const log = { PERDURE_LOG: `nats://127.0.0.1:${network.port}/shop`, PERDURE_CLUSTER: "on" };
  const options = proxyOptions({}, { ...RELAXED_PROXY, ...log });
  const shares = new SharedEntities({
    options,
    clock: systemClock,
    random: systemRandom,
    telemetry: NO_TELEMETRY,
    memory: divideMemory(options.maxBufferedBytes, options.maxOpenRequests),
    host: { take: () => undefined, drop: () => undefined, release: () => Promise.resolve() },
    self: { pod: "pod-a", revision: "one", share: 100 },
    onShards: undefined,
  });
  shares.serveBy({ fromPeer: () => Promise.reject(new Error("nobody asks")) });
  shares.functionServed();
  return { shares, network };
}

natsTest("one that is stopped while it connects leaves no connection", async (t) => {
  const { shares, network } = await startToJoin(t);
  await until("it connects", () => network.connections === 1);
  await shares.handOver();
  await shares.stop();
  await until("the connection is closed", () => network.connections === 0);
  t.is(shares.problem, "has stopped");
});
