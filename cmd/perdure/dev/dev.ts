// SPDX-License-Identifier: Apache-2.0

/**
 * `perdure dev`: a user function and its proxy in one go.
 *
 * 1. The proxy starts first; if it cannot, nothing else is started.
 * 2. The proxy keeps running while the function restarts. The proxy keeps the state, so a restart loses none.
 * 3. When a `.proto` file changes, code is generated before the function is started again. Types are checked while the
 *    function runs. Neither ever ends the function.
 * 4. At the end the proxy drains while the function still answers. Then the function ends, then this process.
 * 5. The function does not outlive this process: 4 ends it in an orderly end, the exit handler in a sudden one, and the
 *    orphan guard if this process is killed.
 */

import type { Clock, Random } from "../../../pkg/base/mod.ts";
import { settlesWithin } from "../../../pkg/base/mod.ts";
import { EventLogError } from "../../../pkg/eventlog/mod.ts";
import type { Proxy } from "../../../pkg/proxy/mod.ts";
import { startProxy } from "../../../pkg/proxy/mod.ts";
import { logsOnly } from "../../../pkg/telemetry/mod.ts";

import type { Announcer } from "./announcer.ts";
import { Changes } from "./changes.ts";
import { DevError } from "./dev-error.ts";
import type { DevTracingDependencies } from "./dev-tracing.ts";
import { devTracing } from "./dev-tracing.ts";
import { explainStart } from "./explain.ts";
import { frontPage } from "./front-page.ts";
import type { FunctionCommand } from "./function-command.ts";
import { functionEnvironment } from "./function-command.ts";
import { startFunction } from "./function-process.ts";
import { FunctionRunner } from "./function-runner.ts";
import { createLineLogger } from "./line-logger.ts";
import { startOrphanGuard } from "./orphan-guard.ts";
import { DEFAULT_RESTART_OPTIONS } from "./restart-policy.ts";
import { otherRun, removeRunNote, runNotePath, writeRunNote } from "./run-note.ts";
import type { DevSettings } from "./settings.ts";
import { startTool } from "./tool.ts";
import { TypeChecker } from "./type-checker.ts";
import { watchFolder } from "./watcher.ts";

export interface DevOptions {
  readonly settings: DevSettings;
  readonly watching: boolean;
  /** Whether a line is printed for each request. */
  readonly logRequests: boolean;
  readonly announcer: Announcer;
  /** The environment variables that the function inherits from us. */
  readonly environment: Readonly<NodeJS.ProcessEnv>;
  readonly clock: Clock;
  readonly random: Random;
  /** Resolves when we are asked to stop. */
  readonly stopRequested: Promise<void>;
}

/** A burst of changes ends when nothing changed for so long, in milliseconds. */
const QUIET_MS = 100;

/** How long a generator's files may take to be noticed, in milliseconds: a burst, and some time for a busy machine. */
const SETTLE_MS = 3 * QUIET_MS;

/** How long the start waits for the folder to be watched, in milliseconds: a very large one may take its time. */
const WATCH_MS = 5_000;

/** Files whose change may change types. */
const TYPED = /\.[cm]?tsx?$|\.json$/;

/**
 * Runs until it is asked to stop.
 *
 * @throws DevError `BAD_USAGE` if no log has such an address, `FAILED` if it cannot start or nothing will start the
 * function again.
 */
export async function dev(options: DevOptions): Promise<void> {
  const { settings, watching, announcer, clock, random, stopRequested } = options;
  const gaveUp = Promise.withResolvers<DevError>();
  const guard = startOrphanGuard();
  const types = typeChecker(options);
  const runner = new FunctionRunner({
    options: { ...DEFAULT_RESTART_OPTIONS, watching },
    clock,
    random,
    guard,
    spawn: () => spawnFunction(options),
    onNews: (news) => {
      announcer.news(news);
      if (news.kind === "exited") types.checkFirst();
    },
    onGiveUp: () => gaveUp.resolve(new DevError("FAILED", "there is nothing left to serve")),
  });
  process.once("exit", () => runner.kill());
  // Keeps this process alive: our other timers do not, and during the stop nothing else may be left that does.
  const keepAlive = setInterval(() => undefined, 60_000);

  announcer.starting();
  const changes = followChanges(options, (files) => {
    announcer.restarting();
    runner.changed(files);
    if (files.some((file) => TYPED.test(file))) types.check();
  });
  let proxy: Proxy;
  try {
    proxy = await startDevProxy(options, runner, types);
  } catch (cause) {
    clearInterval(keepAlive);
    guard.release();
    changes.stop();
    announcer.settled();
    throw startFailure(cause, settings);
  }

  const removeNote = noteRun(settings, proxy);
  await changes.start();
  runner.start();

  const failure = await Promise.race([stopRequested, gaveUp.promise]);
  changes.stop();
  types.stop();
  announcer.stopping();
  await proxy.stop();
  removeNote();
  await runner.stop();
  guard.release();
  clearInterval(keepAlive);
  announcer.stopped();
  if (failure !== undefined) throw failure;
}

async function startDevProxy(
  { settings, logRequests, announcer, clock, random }: DevOptions,
  runner: FunctionRunner,
  types: ReturnType<typeof typeChecker>,
): Promise<Proxy> {
  const { proxy: proxyOptions } = settings;
  const logger = createLineLogger(proxyOptions.logLevel, announcer.errorStyle, (line) =>
    announcer.proxyLine(line),
  );
  const show: DevTracingDependencies["show"] = (trace, link) => announcer.trace(trace, link);
  const tracing = devTracing(settings, { clock, random, logger, show });
  const proxy: Proxy = await startProxy(proxyOptions, {
    clock,
    random,
    telemetry: { ...logsOnly(logger), ...(tracing && { tracer: tracing.tracer }) },
    levels: logger,
    onMetrics: (metrics) => tracing?.countIn(metrics),
    front: frontPage(() => announcer.front),
    onRequest: logRequests ? (record) => announcer.request(record) : undefined,
    onSpec: (spec) => {
      if (spec === undefined) return;
      runner.served();
      announcer.spec(spec, proxy.port);
      types.checkFirst();
    },
    onRejected: () => {
      runner.refused();
      announcer.refused();
    },
  });
  tracing?.listening();
  return {
    ...proxy,
    async stop() {
      await proxy.stop();
      await tracing?.stop();
    },
  };
}

function spawnFunction(options: DevOptions) {
  const { settings, announcer } = options;
  const { command, project } = settings;
  announcer.functionStarts();
  return startFunction({
    command,
    folder: project.folder,
    env: environmentOf(options),
    onLine: (line, stream) => announcer.functionLine(line, stream),
  });
}

function environmentOf({ settings, environment }: DevOptions): NodeJS.ProcessEnv {
  const { project, functionAddress } = settings;
  return functionEnvironment(environment, functionAddress, project.folder, process.execPath);
}

/** Reports changed files from `start` on. Earlier changes need no report, because the function starts with them. */
function followChanges(options: DevOptions, onChanged: (files: readonly string[]) => void) {
  const { settings, watching, announcer, clock } = options;
  const { project, generate } = settings;
  if (!watching) return { start: async () => undefined, stop: () => undefined };
  let started = false;
  const changes = new Changes({
    generate: generate && (() => startTool(generate, project.folder, environmentOf(options))),
    settleMs: SETTLE_MS,
    clock,
    onGenerating: () => announcer.generating(),
    onProblem: (result) => announcer.generatorProblem(result),
    onChanged,
  });
  const watcher = watchFolder({
    folder: project.folder,
    quietMs: QUIET_MS,
    clock,
    onChange: (files) => {
      if (started) changes.changed(files);
    },
    onError: (error) => announcer.watchFailed(error),
  });
  return {
    async start() {
      await settlesWithin(watcher.ready, WATCH_MS, clock);
      started = true;
    },
    stop() {
      watcher.close();
      changes.stop();
    },
  };
}

/** The first check comes after the function has started, so that it does not slow down the start. */
function typeChecker(options: DevOptions) {
  const { settings, announcer } = options;
  const { project, checkTypes } = settings;
  if (checkTypes === undefined) return NO_TYPES;
  const start = (command: FunctionCommand) => startTool(command, project.folder, environmentOf(options));
  const checker = new TypeChecker(
    () => start(checkTypes),
    (news) => announcer.types(news),
  );
  let hasChecked = false;
  const check = (): void => {
    hasChecked = true;
    checker.check();
  };
  return {
    check,
    checkFirst: () => {
      if (!hasChecked) check();
    },
    stop: () => checker.stop(),
  };
}

const NO_TYPES = { check: () => undefined, checkFirst: () => undefined, stop: () => undefined };

/**
 * Notes the URL and the admin port of this run, for `perdure inspect` and the next run on the same state. Returns a
 * function that removes the note.
 */
function noteRun(
  { devLogPath, publicHost }: DevSettings,
  { port, adminPort }: Pick<Proxy, "port" | "adminPort">,
): () => void {
  if (devLogPath === undefined) return () => undefined;
  const path = runNotePath(devLogPath);
  writeRunNote(path, { pid: process.pid, url: `http://${publicHost}:${port}`, adminPort });
  const remove = (): void => removeRunNote(path);
  process.once("exit", remove);
  return remove;
}

function startFailure(cause: unknown, { proxy, project, devLogPath }: DevSettings): DevError {
  const code = cause instanceof EventLogError && cause.code === "LOG_BAD_ADDRESS" ? "BAD_USAGE" : "FAILED";
  const text = explainStart(cause, { ...proxy, name: project.name, other: otherRun(devLogPath) });
  return new DevError(code, text, { cause });
}
