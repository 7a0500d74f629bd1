// SPDX-License-Identifier: Apache-2.0

/**
 * The proxy of `cmd/proxy`, with one of its safeguards left out on purpose, to show that the fault tests notice it and
 * that it is needed. Its first argument is one of `MUTANTS` (`test/simulation`), or:
 *
 * - `none`: nothing is left out.
 * - `epoch-of-answers`: a half of `epoch`. An answer may leave in another tenure than its command began in, but
 *   memory of another tenure is not used.
 *
 * Its second argument is for how many milliseconds it waits before each append, so that a pause finds some under way.
 * It tells of each append that the fence refuses.
 */

import { systemClock, systemRandom } from "../../pkg/base/mod.ts";
import { ClusterRuntime } from "../../pkg/cluster/nats/mod.ts";
import { EntityRuntime } from "../../pkg/entity/mod.ts";
import type { EventLog } from "../../pkg/eventlog/mod.ts";
import { proxyOptions, startProxy } from "../../pkg/proxy/mod.ts";
import { createLogger, logsOnly } from "../../pkg/telemetry/mod.ts";

import { decisionsOf, MUTANTS } from "../simulation/mutants.ts";
import { earlyLog, fencelessLog, slowLog, watchedLog } from "./broken-log.ts";

const [name = "none", lingerMs = "0"] = process.argv.slice(2);
const mutant = MUTANTS.find((each) => each === (name === "epoch-of-answers" ? "epoch" : name));

const prepare = Object.getOwnPropertyDescriptor(ClusterRuntime, "prepare")
  ?.value as (typeof ClusterRuntime)["prepare"];
ClusterRuntime.prepare = (dependencies) => prepare({ ...dependencies, decisions: decisionsOf(mutant) });

// What was in memory in one tenure is used in the next.
if (name === "epoch") EntityRuntime.prototype.drop = () => undefined;

function replaceLog(log: EventLog): EventLog {
  const watched = watchedLog(log, () => void process.stdout.write("the fence refuses an append\n"));
  const broken =
    mutant === "fence" ? fencelessLog(watched) : mutant === "output-gate" ? earlyLog(watched) : watched;
  return Number(lingerMs) > 0 ? slowLog(broken, Number(lingerMs)) : broken;
}

const proxy = await startProxy(proxyOptions({}, process.env), {
  clock: systemClock,
  random: systemRandom,
  telemetry: logsOnly(createLogger("info", process.stdout)),
  replaceLog,
  onSpec: (spec) => {
    if (spec !== undefined) process.stderr.write(`ready http://127.0.0.1:${proxy.port}\n`);
  },
});
process.once("SIGTERM", () => void proxy.stop().then(() => process.exit(0)));
