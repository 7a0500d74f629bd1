// SPDX-License-Identifier: Apache-2.0

import type { Clock, Leveled, Random } from "../base/mod.ts";
import type { FrontPage } from "../endpoint/mod.ts";
import { SlowestCommands } from "../entity/mod.ts";
import { shownAddress } from "../eventlog/address/mod.ts";
import type { EventLog } from "../eventlog/mod.ts";
import type { CountingLogger, Telemetry } from "../telemetry/mod.ts";
import { countRepeats, MetricRegistry } from "../telemetry/mod.ts";
import type { UserFunctionSpec } from "../userfunction/mod.ts";

import { Drain, drainPart } from "./drain.ts";
import { divideMemory } from "./memory.ts";
import type { ProxyOptions } from "./options.ts";
import { adminPart } from "./parts/admin-part.ts";
import { alonePart, clusterPart, sharesEntities } from "./parts/cluster-part.ts";
import { commandsPart } from "./parts/commands-part.ts";
import { endpointPart } from "./parts/endpoint-part.ts";
import { entitiesPart } from "./parts/entities-part.ts";
import { logPart } from "./parts/log-part.ts";
import { lookPart } from "./parts/look-part.ts";
import { metricsPart } from "./parts/metrics-part.ts";
import { Parts } from "./parts/parts.ts";
import { processPart } from "./parts/process-part.ts";
import { routerPart } from "./parts/router-part.ts";
import type { Shared } from "./parts/shared.ts";
import { patience } from "./parts/shared.ts";
import { userFunctionPart } from "./parts/user-function-part.ts";
import type { RequestRecord } from "./request-records.ts";
import { RequestRecords } from "./request-records.ts";
import type { StartError } from "./start-error.ts";
import { StartTrace } from "./start-trace.ts";
import { untilQuiet } from "./until-quiet.ts";

export interface ProxyDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Of its logger, which the admin port may change; undefined: it cannot be changed. */
  readonly levels?: Leveled;
  /** When the program was started, in milliseconds of the clock's `monotonicMs`. Default: now. */
  readonly startedMs?: number;
  /** Aborts a start that waits for its log; `stop` ends what has started. */
  readonly signal?: AbortSignal;
  /** Called once, before anything is counted, for the metrics that the caller has; not with `--metrics off`. */
  readonly onMetrics?: ((metrics: MetricRegistry) => void) | undefined;
  /** Called when the served services change; with undefined when no user function is served any more. */
  readonly onSpec?: (spec: UserFunctionSpec | undefined) => void;
  /** Called when the user function is refused, with what its developer must change. */
  readonly onRejected?: (errors: readonly string[]) => void;
  /** Called with a record of every request to the public port. Without it no request is recorded, at no cost. */
  readonly onRequest?: ((record: RequestRecord) => void) | undefined;
  /** Called when the number of shards that this proxy owns changes, if it shares its entities with others. */
  readonly onShards?: ((own: number) => void) | undefined;
  /** Answers `GET /` of the public port if no HTTP rule of the user function does. */
  readonly front?: FrontPage;
  /**
   * Called at most once, if no user function was ever served and `startTimeoutMs` has passed or the user function was
   * refused. The caller should then stop the proxy. Without this callback the proxy keeps looking for a user function.
   */
  readonly onStartFailed?: (error: StartError) => void;
  /** For tests, which show what a promise of the log is for by breaking it: gives what is used in its place. */
  readonly replaceLog?: (log: EventLog) => EventLog;
}

/** A running proxy. */
export interface Proxy {
  /** The public port. */
  readonly port: number;
  readonly adminPort: number;
  /**
   * If it shares its entities with others: gives all of them away, and goes on taking requests, which others then carry
   * out; so its user function can end unnoticed. Resolves when they are given away, or `handoffTimeoutMs` has passed.
   *
   * @returns whether others have them all
   */
  standAside(): Promise<boolean>;
  /**
   * Takes its part of the entities again, when the user function is served. Resolves when it has them, or
   * `handoffTimeoutMs` has passed.
   */
  comeBack(): Promise<void>;
  /**
   * Gives its entities to others, if it shares them, takes no new requests, lets running ones finish, and closes
   * everything; all of it within `drainTimeoutMs`.
   */
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
  const registry = options.metrics === "off" ? undefined : new MetricRegistry(clock);
  if (registry !== undefined) dependencies.onMetrics?.(registry);
  const telemetry = { ...dependencies.telemetry, logger, ...(registry && { meter: registry }) };
  const memory = divideMemory(options.maxBufferedBytes, options.maxOpenRequests);
  const patiently = patience({ clock, options });
  const start = new StartTrace(telemetry.tracer, clock, dependencies.startedMs);
  const startTrace = start.context;
  const slowest = new SlowestCommands();
  const shared: Shared = {
    options,
    clock,
    random,
    telemetry,
    startTrace,
    memory,
    slowest,
    signal,
    patiently,
  };
  const parts = new Parts();
  const quiet = (stopped: AbortSignal) =>
    untilQuiet(options.drainWaitUrl, options.drainWaitTimeoutMs, stopped);
  const drain = new Drain({ parts, quiet, clock, telemetry, options });
  try {
    const started = await startParts(parts, drain, start, shared, registry, dependencies);
    const stop = (): Promise<void> => {
      start.end();
      return stopParts(parts, logger);
    };
    return { ...started, stop };
  } catch (error) {
    start.end(error);
    await parts.stop();
    throw error;
  }
}

async function startParts(
  parts: Parts,
  drain: Drain,
  start: StartTrace,
  shared: Shared,
  registry: MetricRegistry | undefined,
  {
    levels,
    startedMs = shared.clock.monotonicMs(),
    onRequest,
    onShards,
    front,
    onSpec,
    onRejected,
    onStartFailed,
    replaceLog,
  }: ProxyDependencies,
): Promise<Omit<Proxy, "stop">> {
  const records = onRequest && new RequestRecords();
  const admin = await start.part(parts, adminPart(shared, parts, drain, levels));
  await parts.start(processPart(shared, startedMs));
  if (registry !== undefined) await start.part(parts, metricsPart(shared, registry));
  const log = (await start.part(parts, logPart(shared, replaceLog))).log();
  const user = await parts.start(userFunctionPart(shared));
  const sharing = sharesEntities(shared.options);
  const entities = await parts.start(entitiesPart(shared, log, user, records, sharing ? "none" : "all"));
  const cluster = await parts.start(
    sharing ? await clusterPart(shared, user, entities, onShards) : alonePart(shared.options),
  );
  const { router, runtimes } = await parts.start(routerPart(shared, user, entities, cluster, records));
  await parts.start({ name: "handover", stop: cluster.handOver });
  const extras = { front, records, onRequest };
  const endpoint = await start.part(parts, endpointPart(shared, user, router, extras));
  await parts.start({ name: "begin of the handover", stop: async () => cluster.beginHandOver() });
  const [port, adminPort] = [endpoint.port(), admin.port()];
  if (onSpec !== undefined) user.served.subscribe(onSpec);
  if (onRejected !== undefined) user.onRejected.push(onRejected);
  await parts.start(commandsPart(shared));
  await parts.start(drainPart(drain));
  start.looking(user.served);
  await parts.start(lookPart(shared, user, runtimes.kinds, [port, adminPort], onStartFailed));
  parts.started();
  const { telemetry, options } = shared;
  telemetry.logger.info("listening", {
    port,
    adminPort,
    log: shownAddress(options.log),
    durability: log.durability,
  });
  const { standAside, comeBack } = cluster;
  return { port, adminPort, standAside, comeBack };
}

async function stopParts(parts: Parts, logger: CountingLogger): Promise<void> {
  if (parts.isStopping) return parts.stop();
  logger.info("stopping");
  await parts.stop();
  logger.info("stopped");
  logger.flush();
}
