// SPDX-License-Identifier: Apache-2.0

/**
 * `perdure dev`: a user function and its proxy in one go.
 *
 * 1. The proxy starts first; if it cannot, nothing else is started.
 * 2. The proxy stays while the function comes and goes; state is the proxy's, so a restart loses none.
 * 3. At the end the proxy drains while the function still answers, then the function ends, then we do.
 * 4. The function does not outlive us: in an orderly end by 3, in a sudden one by the exit handler, if we are killed by
 *    the orphan guard.
 */

import type { Clock, LogLevel, Random } from "../../../pkg/base/mod.ts";
import { startProxy } from "../../../pkg/proxy/mod.ts";
import type { Proxy } from "../../../pkg/proxy/mod.ts";
import type { Announcer } from "./announcer.ts";
import { DevError } from "./dev-error.ts";
import { explainStart } from "./explain.ts";
import { functionEnvironment } from "./function-command.ts";
import { startFunction } from "./function-process.ts";
import { FunctionRunner } from "./function-runner.ts";
import { createLineLogger } from "./line-logger.ts";
import { startOrphanGuard } from "./orphan-guard.ts";
import { DEFAULT_RESTART_OPTIONS } from "./restart-policy.ts";
import type { DevSettings } from "./settings.ts";
import { watchFolder } from "./watcher.ts";

export interface DevOptions {
  readonly settings: DevSettings;
  readonly watching: boolean;
  readonly announcer: Announcer;
  /** What the function gets of our environment. */
  readonly environment: Readonly<NodeJS.ProcessEnv>;
  readonly clock: Clock;
  readonly random: Random;
  /** Resolves when we are asked to stop. */
  readonly stopRequested: Promise<void>;
}

/** A burst of changes ends when nothing changed for so long, in milliseconds. */
const QUIET_MS = 100;

/**
 * Runs until it is asked to stop.
 *
 * @throws DevError `FAILED` if it cannot start, or if nothing will start the function again.
 */
export async function dev(options: DevOptions): Promise<void> {
  const { settings, watching, announcer, clock, random, stopRequested } = options;
  const { proxy: proxyOptions, project } = settings;
  const gaveUp = Promise.withResolvers<DevError>();
  const guard = startOrphanGuard();
  const runner = new FunctionRunner({
    options: { ...DEFAULT_RESTART_OPTIONS, watching },
    clock,
    random,
    guard,
    spawn: () => spawnFunction(options),
    onNews: (news) => announcer.news(news),
    onGiveUp: () => gaveUp.resolve(new DevError("FAILED", "there is nothing left to serve")),
  });
  process.once("exit", () => runner.kill());
  // Timers of our own do not, and while we stop nothing else may be left to do it.
  const keepAlive = setInterval(() => undefined, 60_000);

  announcer.starting();
  let proxy: Proxy;
  try {
    proxy = await startProxy(proxyOptions, {
      clock,
      random,
      logger: createLineLogger(proxyOptions.logLevel as LogLevel, announcer.errorStyle, (line) =>
        announcer.proxyLine(line),
      ),
      onSpec: (spec) => {
        if (spec !== undefined) runner.served();
        announcer.spec(spec, proxy.port);
      },
      onRejected: () => {
        runner.refused();
        announcer.refused();
      },
    });
  } catch (cause) {
    clearInterval(keepAlive);
    guard.release();
    announcer.settled();
    throw new DevError("FAILED", explainStart(cause, proxyOptions), { cause });
  }

  runner.start();
  const unwatch = watching
    ? watchFolder({
        folder: project.folder,
        quietMs: QUIET_MS,
        clock,
        onChange: (files) => {
          announcer.restarting();
          runner.changed(files);
        },
        onError: (error) => announcer.watchFailed(error),
      })
    : () => undefined;

  const failure = await Promise.race([stopRequested, gaveUp.promise]);
  unwatch();
  announcer.stopping();
  await proxy.stop();
  await runner.stop();
  guard.release();
  clearInterval(keepAlive);
  announcer.stopped();
  if (failure !== undefined) throw failure;
}

function spawnFunction(options: DevOptions) {
  const { settings, announcer, environment } = options;
  const { command, project, functionAddress } = settings;
  const env = functionEnvironment(environment, functionAddress, project.folder, process.execPath);
  announcer.functionStarts();
  return startFunction({
    command,
    folder: project.folder,
    env,
    onLine: (line, stream) => announcer.functionLine(line, stream),
  });
}
