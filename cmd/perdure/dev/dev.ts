// SPDX-License-Identifier: Apache-2.0

/**
 * `perdure dev`: a user function and its proxy in one go, or several of both.
 *
 * 1. The proxies start first, one after the other; if one cannot, nothing else is started.
 * 2. A proxy keeps running while its function restarts. The proxy keeps the state, so a restart loses none. Several
 *    functions are restarted one after the other (`roll.ts`).
 * 3. When a `.proto` file changes, code is generated before the function is started again. Types are checked while the
 *    function runs. Neither ever ends the function.
 * 4. At the end the proxy drains while the function still answers. Then the function ends, then this process. Of
 *    several proxies one drains after the other, so that those that are left can take its entities.
 * 5. The function does not outlive this process: 4 ends it in an orderly end, the exit handler in a sudden one, and the
 *    orphan guard if this process is killed.
 */

import type { Clock, Random } from "../../../pkg/base/mod.ts";
import { SHARDS, settlesWithin } from "../../../pkg/base/mod.ts";
import { EventLogError } from "../../../pkg/eventlog/mod.ts";
import type { Proxy } from "../../../pkg/proxy/mod.ts";

import type { Announcer } from "./announcer.ts";
import { Changes } from "./changes.ts";
import { DevError } from "./dev-error.ts";
import { explainStart } from "./explain.ts";
import type { FunctionCommand } from "./function-command.ts";
import { functionEnvironment } from "./function-command.ts";
import { OwnersLine } from "./owners-line.ts";
import type { Pod, PodDependencies } from "./pod.ts";
import { startPod } from "./pod.ts";
import type { PodSettings } from "./pod-settings.ts";
import type { RollEvent } from "./roll.ts";
import { FIRST_ROLL, roll } from "./roll.ts";
import { elsewhereNotePath, otherRun, removeRunNote, runNotePath, writeRunNote } from "./run-note.ts";
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
  const { settings, announcer, clock, stopRequested } = options;
  const gaveUp = Promise.withResolvers<DevError>();
  const types = typeChecker(options);
  const owners = new OwnersLine({
    names: settings.pods.flatMap(({ name }) => name ?? []),
    shards: SHARDS,
    clock,
    show: (line) => announcer.owners(line),
  });
  const pods: Pod[] = [];
  const rolling = rollOver(pods, options);
  process.once("exit", () => pods.forEach(({ runner }) => runner.kill()));
  // Keeps this process alive: our other timers do not, and during the stop nothing else may be left that does.
  const keepAlive = setInterval(() => undefined, 60_000);

  announcer.starting();
  const changes = followChanges(options, (files) => {
    rolling({ kind: "changed", files });
    if (files.some((file) => TYPED.test(file))) types.check();
  });
  try {
    await startPods(pods, options, (pod, at) => ({
      onNews(news) {
        if (news.kind === "restarted") rolling({ kind: "back", at });
        if (news.kind !== "exited") return;
        rolling({ kind: "failed", at });
        types.checkFirst();
      },
      onServed: () => types.checkFirst(),
      onRefused: () => rolling({ kind: "failed", at }),
      onGiveUp: () => gaveUp.resolve(new DevError("FAILED", "there is nothing left to serve")),
      onShards: (own) => owners.changed(pod.name ?? "", own),
    }));
  } catch (error) {
    clearInterval(keepAlive);
    changes.stop();
    owners.stop();
    await stopPods(pods);
    announcer.settled();
    throw error;
  }

  announcer.listening(pods[0]?.proxy.port ?? 0);
  const removeNote = noteRun(settings, pods);
  await changes.start();
  for (const { runner } of pods) runner.start();

  const failure = await Promise.race([stopRequested, gaveUp.promise]);
  changes.stop();
  types.stop();
  owners.stop();
  announcer.stopping();
  await stopPods(pods, removeNote);
  clearInterval(keepAlive);
  announcer.stopped();
  if (failure !== undefined) throw failure;
}

type PodListeners = Pick<PodDependencies, "onNews" | "onServed" | "onRefused" | "onGiveUp" | "onShards">;

/** Starts the proxies, and adds each to `pods`. @throws DevError, see `dev` */
async function startPods(
  pods: Pod[],
  options: DevOptions,
  listenersOf: (pod: PodSettings, at: number) => PodListeners,
): Promise<void> {
  const { settings, announcer } = options;
  for (const [at, pod] of settings.pods.entries()) {
    try {
      const listeners = listenersOf(pod, at);
      pods.push(await startPod({ ...options, ...listeners, pod, announcer: announcer.of(pod) }));
    } catch (cause) {
      throw startFailure(cause, settings, pod);
    }
  }
}

/** (4) */
async function stopPods(pods: readonly Pod[], onDrained?: () => void): Promise<void> {
  for (const { proxy } of pods.toReversed()) await proxy.stop();
  onDrained?.();
  await Promise.all(pods.map((pod) => pod.stopFunction()));
}

/** Restarts the functions of these pods as `roll` decides. */
function rollOver(pods: readonly Pod[], { announcer }: DevOptions): (event: RollEvent) => void {
  let state = FIRST_ROLL;
  return (event) => {
    const before = state;
    const step = roll(before, event, pods.length);
    state = step.state;
    if (step.restart !== undefined) {
      announcer.restarting();
      pods[step.restart.at]?.restart(step.restart.files);
    }
    const isCut = event.kind === "failed" && before.kind === "rolling" && state.kind === "still";
    if (isCut && before.left > 1) announcer.othersAreLeft();
  };
}

/** That of tools: the same as of the first function. */
function environmentOf({ settings, environment }: DevOptions): NodeJS.ProcessEnv {
  const {
    project,
    pods: [{ functionAddress }],
  } = settings;
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
 * Notes the URL and the admin ports of this run, for `perdure inspect` and the next run on the same state. Returns a
 * function that removes the note.
 */
function noteRun(
  { devLogPath, project, publicHost, pods: settings }: DevSettings,
  pods: readonly { readonly proxy: Pick<Proxy, "port" | "adminPort"> }[],
): () => void {
  const [first] = pods;
  if (first === undefined) return () => undefined;
  const { port, adminPort } = first.proxy;
  const path =
    devLogPath === undefined ? elsewhereNotePath(project.folder, project.name) : runNotePath(devLogPath);
  const named = pods.map(({ proxy }, at) => [settings[at]?.name ?? "", proxy.adminPort] as const);
  writeRunNote(path, {
    pid: process.pid,
    url: `http://${publicHost}:${port}`,
    adminPort,
    ...(pods.length > 1 && { adminPorts: Object.fromEntries(named) }),
  });
  const remove = (): void => removeRunNote(path);
  process.once("exit", remove);
  return remove;
}

function startFailure(
  cause: unknown,
  { project, devLogPath }: DevSettings,
  { proxy }: PodSettings,
): DevError {
  const code = cause instanceof EventLogError && cause.code === "LOG_BAD_ADDRESS" ? "BAD_USAGE" : "FAILED";
  const text = explainStart(cause, { ...proxy, name: project.name, other: otherRun(devLogPath) });
  return new DevError(code, text, { cause });
}
