// SPDX-License-Identifier: Apache-2.0

import type { Clock, Random } from "../base/mod.ts";
import type { FrontPage } from "../endpoint/mod.ts";
import { shownAddress } from "../eventlog/address/mod.ts";
import type { CountingLogger, Telemetry } from "../telemetry/mod.ts";
import { countRepeats } from "../telemetry/mod.ts";
import type { UserFunctionSpec } from "../userfunction/mod.ts";

import { Drain, drainPart } from "./drain.ts";
import { divideMemory } from "./memory.ts";
import type { ProxyOptions } from "./options.ts";
import { adminPart } from "./parts/admin-part.ts";
import { endpointPart } from "./parts/endpoint-part.ts";
import { entitiesPart } from "./parts/entities-part.ts";
import { logPart } from "./parts/log-part.ts";
import { lookPart } from "./parts/look-part.ts";
import { Parts } from "./parts/parts.ts";
import { routerPart } from "./parts/router-part.ts";
import type { Shared } from "./parts/shared.ts";
import { patience } from "./parts/shared.ts";
import { userFunctionPart } from "./parts/user-function-part.ts";
import type { RequestRecord } from "./request-records.ts";
import { RequestRecords } from "./request-records.ts";
import type { StartError } from "./start-error.ts";
import { untilQuiet } from "./until-quiet.ts";

export interface ProxyDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Aborts a start that waits for its log; `stop` ends what has started. */
  readonly signal?: AbortSignal;
  /** Called when the served services change; with undefined when no user function is served any more. */
  readonly onSpec?: (spec: UserFunctionSpec | undefined) => void;
  /** Called when the user function is refused, with what its developer must change. */
  readonly onRejected?: (errors: readonly string[]) => void;
  /** Called with a record of every request to the public port. Without it no request is recorded, at no cost. */
  readonly onRequest?: ((record: RequestRecord) => void) | undefined;
  /** Answers `GET /` of the public port if no HTTP rule of the user function does. */
  readonly front?: FrontPage;
  /**
   * Called at most once, if no user function was ever served and `startTimeoutMs` has passed or the user function was
   * refused. The caller should then stop the proxy. Without this callback the proxy keeps looking for a user function.
   */
  readonly onStartFailed?: (error: StartError) => void;
}

/** A running proxy. */
export interface Proxy {
  /** The public port. */
  readonly port: number;
  readonly adminPort: number;
  /** Takes no new requests, lets running ones finish (bounded by `drainTimeoutMs`), and closes everything. */
  stop(): Promise<void>;
}

/**
 * Starts the parts of a proxy, from the log outwards (`Parts`). If a part fails to start, the parts before it are
 * stopped. The admin port opens first, so that `/readyz` can tell what the start waits for.
 *
 * @throws EventLogError if the log cannot be opened, an error with a code if a port cannot be bound.
 */
export async function startProxy(options: ProxyOptions, dependencies: ProxyDependencies): Promise<Proxy> {
  const { clock, random, signal } = dependencies;
  const logger = countRepeats(dependencies.telemetry.logger, clock, options);
  const telemetry = { ...dependencies.telemetry, logger };
  const memory = divideMemory(options.maxBufferedBytes, options.maxOpenRequests);
  const shared: Shared = { options, clock, random, telemetry, memory, signal };
  const parts = new Parts();
  const quiet = (stopped: AbortSignal) =>
    untilQuiet(options.drainWaitUrl, options.drainWaitTimeoutMs, stopped);
  const drain = new Drain({ parts, quiet, clock, logger, options });
  try {
    const ports = await startParts(parts, drain, shared, dependencies);
    return { ...ports, stop: () => stopParts(parts, logger) };
  } catch (error) {
    await parts.stop();
    throw error;
  }
}

async function startParts(
  parts: Parts,
  drain: Drain,
  shared: Shared,
  { onRequest, front, onSpec, onRejected, onStartFailed }: ProxyDependencies,
): Promise<Pick<Proxy, "port" | "adminPort">> {
  const records = onRequest && new RequestRecords();
  const patiently = patience(shared);
  const admin = await parts.start(adminPart(shared, parts, drain));
  const log = (await parts.start(logPart(shared))).log();
  const user = await parts.start(userFunctionPart(shared));
  const entities = await parts.start(entitiesPart(shared, log, user, records, patiently));
  const { router, runtimes } = await parts.start(routerPart(shared, user, entities, records, patiently));
  const endpoint = await parts.start(endpointPart(shared, user, router, { front, records, onRequest }));
  const [port, adminPort] = [endpoint.port(), admin.port()];
  if (onSpec !== undefined) user.served.subscribe(onSpec);
  if (onRejected !== undefined) user.onRejected.push(onRejected);
  await parts.start(drainPart(drain));
  await parts.start(lookPart(shared, user, runtimes.kinds, [port, adminPort], onStartFailed));
  parts.started();
  const { telemetry, options } = shared;
  telemetry.logger.info("listening", {
    port,
    adminPort,
    log: shownAddress(options.log),
    durability: log.durability,
  });
  return { port, adminPort };
}

async function stopParts(parts: Parts, logger: CountingLogger): Promise<void> {
  if (parts.isStopping) return parts.stop();
  logger.info("stopping");
  await parts.stop();
  logger.info("stopped");
  logger.flush();
}
