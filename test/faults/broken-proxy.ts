// SPDX-License-Identifier: Apache-2.0

/**
 * A proxy that breaks its promises on purpose, to show that the fault tests notice it. Otherwise a passing test would
 * prove nothing about the real proxy. Its argument selects the fault:
 *
 * - `early` (default): it answers before it has stored (against I1), so that a kill loses what was acknowledged.
 * - `blind`: it retries an append that is not acknowledged soon, after whichever record is then the last (against
 *   I5). So an append whose acknowledgement was lost is stored twice.
 * - `forgetful`: it never retries a side effect, so that side effects before which it was killed are lost.
 * - `keyless`: it retries them, but without their idempotency keys, so that side effects after which it was killed
 *   happen twice.
 */

import { describeError, systemClock, systemRandom } from "../../pkg/base/mod.ts";
import { ALONE } from "../../pkg/cluster/mod.ts";
import { checkHttpRules, startEndpoint } from "../../pkg/endpoint/mod.ts";
import { ActionRuntime, DEFAULT_ENTITY_OPTIONS, EntityRuntime } from "../../pkg/entity/mod.ts";
import { openEventLog } from "../../pkg/eventlog/mod.ts";
import { proxyOptions } from "../../pkg/proxy/mod.ts";
import { actionServices, EntityServices, NO_PEERS, Router, ServiceRuntimes } from "../../pkg/router/mod.ts";
import { createLogger, NO_TELEMETRY } from "../../pkg/telemetry/mod.ts";
import type { UserFunctionSpec } from "../../pkg/userfunction/mod.ts";
import { DEFAULT_USER_FUNCTION_OPTIONS, UserFunction } from "../../pkg/userfunction/mod.ts";

import { RELAXED_LOG } from "../lib/nats/relaxed.ts";
import { plenty } from "../lib/plenty.ts";
import { blindLog, earlyLog } from "./broken-log.ts";

const options = proxyOptions({}, process.env);
const { passivationTimeoutMs, effectMarkDelayMs } = options;
const dependencies = { clock: systemClock, telemetry: NO_TELEMETRY };
const broken = process.argv[2] ?? "early";
const sound = await openEventLog(options.log, { ...dependencies, jetstream: RELAXED_LOG });
const log = broken === "early" ? earlyLog(sound) : broken === "blind" ? blindLog(sound) : sound;

let served: UserFunctionSpec | undefined;

const userFunction: UserFunction = new UserFunction({
  ...dependencies,
  random: systemRandom,
  memory: plenty(),
  proxyName: "broken",
  proxyVersion: "0",
  options: { ...DEFAULT_USER_FUNCTION_OPTIONS, userFunctionPort: options.userFunctionPort },
  checkSpec: checkHttpRules,
  makeRoom: () => entities.makeRoom(),
  onSpec: (spec) => {
    served = spec;
    endpoint.setSpec(spec);
    runtimes.serve(spec);
    if (spec !== undefined) process.stderr.write(`ready http://127.0.0.1:${endpoint.port}\n`);
  },
  onRejected: (errors) => process.stderr.write(`${describeError(errors)}\n`),
});
const reportError = (message: string): void => userFunction.reportError(message);
const entities = new EntityRuntime({
  ...dependencies,
  random: systemRandom,
  log,
  streams: userFunction,
  reportError,
  activationMemory: plenty(),
  carryOut: (effects, entity) => {
    if (broken === "forgetful") return;
    const withoutKeys = effects.map((effect) => ({ ...effect, idempotencyKey: undefined }));
    void dispatch.carryOutAgain(broken === "keyless" ? withoutKeys : effects, entity);
  },
  options: { ...DEFAULT_ENTITY_OPTIONS, passivationTimeoutMs, effectMarkDelayMs },
});
const runtimes = new ServiceRuntimes(
  new EntityServices({ entities, placement: ALONE, peers: NO_PEERS, clock: systemClock, options }),
  actionServices(new ActionRuntime({ ...dependencies, streams: userFunction, reportError, options })),
);
const dispatch: Router = new Router({
  runtimes,
  served: () => served,
  clock: systemClock,
  random: systemRandom,
  telemetry: NO_TELEMETRY,
  reportError,
  effectMemory: plenty(),
  options,
});
const endpoint = await startEndpoint(
  { httpHost: options.httpHost, httpPort: options.httpPort },
  { dispatch, ...dependencies },
);

createLogger("info", process.stdout).info("listening", { port: endpoint.port });
userFunction.start(runtimes.kinds);
process.once("SIGTERM", () => void log.close().then(() => process.exit(0)));
