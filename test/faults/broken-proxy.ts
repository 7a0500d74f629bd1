// SPDX-License-Identifier: Apache-2.0

/**
 * A proxy that breaks its promise on purpose: it answers before it has stored (against I1), so that a kill loses what
 * was acknowledged. The crash test has to notice; otherwise it would say nothing of the real one.
 */

import { setTimeout as delay } from "node:timers/promises";

import { describeError, silentLogger, systemClock, systemRandom } from "../../pkg/base/mod.ts";
import { checkHttpRules, startEndpoint } from "../../pkg/endpoint/mod.ts";
import { DEFAULT_ENTITY_OPTIONS, EventSourcedRuntime } from "../../pkg/entity/mod.ts";
import { openEventLog } from "../../pkg/eventlog/mod.ts";
import type { EntityKey, EventLog, Position } from "../../pkg/eventlog/mod.ts";
import { EventSourced } from "../../pkg/protocol/mod.ts";
import { createLogger, proxyOptions } from "../../pkg/proxy/mod.ts";
import { createRouter } from "../../pkg/router/mod.ts";
import { DEFAULT_USER_FUNCTION_OPTIONS, UserFunction } from "../../pkg/userfunction/mod.ts";

/** How long after its acknowledgement a record is written. */
const LIE_MS = 50;

/** Acknowledges every append at once, with the position that it hopes for, and writes later. */
function lyingLog(log: EventLog): EventLog {
  const written = new Map<string, Promise<Position>>();
  const append = async (entity: EntityKey, expected: Position, record: Uint8Array): Promise<Position> => {
    const key = `${entity.type}/${entity.id}`;
    const previous = written.get(key) ?? Promise.resolve(expected);
    const write = async (): Promise<Position> => {
      await delay(LIE_MS);
      return log.append(entity, await previous, record);
    };
    written.set(key, write());
    return expected + 1;
  };
  return {
    durability: log.durability,
    partitions: log.partitions,
    partitionOf: (entity) => log.partitionOf(entity),
    append,
    read: (entity, after) => log.read(entity, after),
    saveSnapshot: async () => undefined,
    tail: (...of) => log.tail(...of),
    list: (type) => log.list(type),
    close: async () => {
      await Promise.all(written.values());
      await log.close();
    },
  };
}

const options = proxyOptions({}, process.env);
const dependencies = { clock: systemClock, logger: silentLogger };
const log = lyingLog(await openEventLog(options.log, dependencies));

const userFunction: UserFunction = new UserFunction({
  ...dependencies,
  random: systemRandom,
  proxyName: "broken",
  proxyVersion: "0",
  options: { ...DEFAULT_USER_FUNCTION_OPTIONS, port: options.userFunctionPort },
  supportedTypes: [EventSourced.typeName],
  checkSpec: checkHttpRules,
  onSpec: (spec) => {
    endpoint.setSpec(spec);
    if (spec !== undefined) process.stderr.write(`ready http://127.0.0.1:${endpoint.port}\n`);
  },
  onRejected: (errors) => process.stderr.write(`${describeError(errors)}\n`),
});
const reportError = (message: string): void => userFunction.reportError(message);
const entities = new EventSourcedRuntime({
  ...dependencies,
  log,
  streams: userFunction,
  reportError,
  options: DEFAULT_ENTITY_OPTIONS,
});
const { maxEntityIdLength } = options;
const dispatch = createRouter({ entities, logger: silentLogger, reportError, maxEntityIdLength });
const endpoint = await startEndpoint(
  { host: options.httpHost, port: options.httpPort },
  { dispatch, ...dependencies },
);

createLogger("info", process.stdout).info("listening", { port: endpoint.port });
userFunction.start();
process.once("SIGTERM", () => void log.close().then(() => process.exit(0)));
