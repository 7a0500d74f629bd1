// SPDX-License-Identifier: Apache-2.0

import type { Clock, Logger, Random } from "../base/mod.ts";
import { sleep } from "../base/mod.ts";
import type { FrontPage } from "../endpoint/mod.ts";
import { checkHttpRules, startEndpoint } from "../endpoint/mod.ts";
import { ActionRuntime, EntityRuntime } from "../entity/mod.ts";
import type { EventLog, LogHealth } from "../eventlog/mod.ts";
import { shownAddress } from "../eventlog/mod.ts";
import { ActionProtocol, EventSourced, ValueEntity } from "../protocol/mod.ts";
import { Router } from "../router/mod.ts";
import { countRepeats } from "../telemetry/mod.ts";
import type { EntityService, UserFunctionSpec, UserFunctionStatus } from "../userfunction/mod.ts";
import { UserFunction } from "../userfunction/mod.ts";

import { startAdminServer } from "./admin/admin-server.ts";
import { drainRoute } from "./admin/drain-route.ts";
import type { Check } from "./admin/probe-routes.ts";
import { probeRoutes } from "./admin/probe-routes.ts";
import { Drain } from "./drain.ts";
import { listeningSockets } from "./listening-ports.ts";
import { divideMemory } from "./memory.ts";
import { openLog } from "./open-log.ts";
import type { ProxyOptions } from "./options.ts";
import type { RequestRecord } from "./request-records.ts";
import { RequestRecords } from "./request-records.ts";
import type { StartError } from "./start-error.ts";
import { startError } from "./start-error.ts";
import { StartWatch } from "./start-watch.ts";
import { untilQuiet } from "./until-quiet.ts";
import { PROXY_NAME, PROXY_VERSION } from "./version.ts";

export interface ProxyDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
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
 * Wires the parts and starts them, from the log outwards. If a part fails to start, the parts that have started are
 * closed. The admin port opens first, so that `/readyz` can tell what the start waits for.
 *
 * @throws EventLogError if the log cannot be opened, an error with a code if a port cannot be bound.
 */
export async function startProxy(options: ProxyOptions, dependencies: ProxyDependencies): Promise<Proxy> {
  const { clock, random, onRequest } = dependencies;
  const records = onRequest && new RequestRecords();
  const logger = countRepeats(dependencies.logger, clock, options);
  await using undo = new AsyncDisposableStack();

  let checks = (): readonly Check[] => [{ name: "log", problem: "is being opened" }];
  let prepareEnd = async (): Promise<string> => "nothing is served yet";
  const adminRoutes = [
    ...probeRoutes(() => checks()),
    drainRoute(options.drainSecret !== "", () => prepareEnd()),
  ];
  const admin = await startAdminServer(options, adminRoutes, logger);
  undo.defer(() => admin.close());

  const onProblem = (problem: string): void => {
    checks = () => [{ name: "log", problem }];
  };
  const log = await openLog(options, { clock, random, logger, signal: dependencies.signal, onProblem });
  undo.defer(() => log.close());

  const memory = divideMemory(options.maxBufferedBytes, options.maxOpenRequests);
  let served: UserFunctionSpec | undefined;
  const userFunction: UserFunction = new UserFunction({
    options,
    clock,
    random,
    logger,
    memory: memory.replies,
    proxyName: PROXY_NAME,
    proxyVersion: PROXY_VERSION,
    supportedTypes: [EventSourced.typeName, ValueEntity.typeName, ActionProtocol.typeName],
    checkSpec: checkHttpRules,
    makeRoom: () => entities.makeRoom(),
    onSpec: (spec) => {
      served = spec;
      if (spec !== undefined) watch.stop();
      endpoint.setSpec(spec);
      entities.serve(entityServices(spec));
      dependencies.onSpec?.(spec);
    },
    onRejected: (errors) => {
      watch.refused();
      dependencies.onRejected?.(errors);
    },
  });
  const watch = watchStart(options, dependencies, userFunction, () => [endpoint.port, admin.port]);
  const reportError = (message: string) => userFunction.reportError(message);
  const behind = { streams: userFunction, clock, random, logger, reportError, options };
  const entities = new EntityRuntime({
    log,
    activationMemory: memory.activations,
    carryOut: (effects, entity) => router.carryOutAgain(effects, entity),
    onStored: records?.stored,
    ...behind,
  });
  const actions = new ActionRuntime(behind);
  const router: Router = new Router({
    entities: records === undefined ? entities : recorded(entities, records),
    actions,
    served: () => served,
    clock,
    random,
    logger,
    reportError,
    effectMemory: memory.effects,
    options,
  });

  const endpoint = await startEndpoint(options, {
    dispatch: router,
    clock,
    logger,
    accounts: memory.callers,
    absence: () => userFunction.absence,
    onAnswered: onRequest && records && ((answered) => onRequest(records.of(answered))),
    front: dependencies.front,
  });
  undo.defer(() => endpoint.close(0));

  undo.move();
  const quiet = (signal: AbortSignal) => untilQuiet(options.drainWaitUrl, options.drainWaitTimeoutMs, signal);
  const drain = new Drain({ entities, quiet, clock, logger, options });
  prepareEnd = () => drain.drain();
  checks = () => readiness(log, userFunction, drain);
  userFunction.start();
  watch.start();
  logger.info("listening", {
    port: endpoint.port,
    adminPort: admin.port,
    log: shownAddress(options.log),
    durability: log.durability,
  });

  const stop = async (): Promise<void> => {
    logger.info("stopping");
    watch.stop();
    drain.stop();
    await endpoint.close(options.drainTimeoutMs);
    const timeIsUp = sleep(clock, options.drainTimeoutMs);
    await Promise.race([router.stop(), timeIsUp]);
    await Promise.race([entities.stop(), timeIsUp]);
    await userFunction.stop();
    await closeLog(log, logger);
    await admin.close();
    logger.info("stopped");
    logger.flush();
  };
  let stopped: Promise<void> | undefined;
  return { port: endpoint.port, adminPort: admin.port, stop: () => (stopped ??= stop()) };
}

function recorded(entities: EntityRuntime, records: RequestRecords): Pick<EntityRuntime, "dispatch"> {
  return {
    dispatch(command) {
      records.asked(command);
      return entities.dispatch(command);
    },
  };
}

function watchStart(
  { userFunctionHost: host, userFunctionPort: port, startTimeoutMs }: ProxyOptions,
  { clock, onStartFailed }: ProxyDependencies,
  userFunction: UserFunction,
  ownPorts: () => readonly number[],
): StartWatch {
  return new StartWatch({
    clock,
    timeoutMs: onStartFailed === undefined ? 0 : startTimeoutMs,
    isRefused: () => userFunction.status.kind === "rejected",
    onFailed: () => {
      const target = { host, port, ownPorts: ownPorts() };
      onStartFailed?.(startError(userFunction.status, target, startTimeoutMs, listeningSockets()));
    },
  });
}

function entityServices(spec: UserFunctionSpec | undefined): EntityService[] {
  return [...(spec?.services.values() ?? [])].filter((service) => service.kind !== "action");
}

async function closeLog(log: EventLog, logger: Logger): Promise<void> {
  try {
    await log.close();
  } catch (error) {
    logger.error("log was not closed cleanly", { error });
  }
}

function readiness({ health }: EventLog, userFunction: UserFunction, drain: Drain): readonly Check[] {
  const { status } = userFunction;
  const crowding = status.kind === "serving" ? status.crowding : undefined;
  return [
    logCheck(health),
    { name: "user function", problem: problemOf(status) },
    ...(status.kind === "serving" ? status.unserved.map(({ reason }) => remark(reason)) : []),
    ...(crowding === undefined ? [] : [remark(crowding)]),
    ...(drain.problem === undefined ? [] : [{ name: "drain", problem: drain.problem }]),
  ];
}

/** A log that is usable in part still serves the entities of that part. The pod stays ready and only says so. */
function logCheck(health: LogHealth): Check {
  if (health.kind === "usable") return { name: "log", problem: undefined };
  const { code, message } = health.error;
  const text = `${message} (${code})`;
  return health.kind === "partly"
    ? { name: `log, but ${text}`, problem: undefined }
    : { name: "log", problem: text };
}

/** A check that mentions a problem but never makes the pod unready. */
function remark(text: string): Check {
  return { name: `user function, but ${text}`, problem: undefined };
}

function problemOf(status: UserFunctionStatus): string | undefined {
  switch (status.kind) {
    case "connecting":
      return ["not reachable yet", status.problem].filter(Boolean).join(": ");
    case "rejected":
      return `refused: ${status.errors.join("; ")}`;
    case "serving":
      return undefined;
  }
}
