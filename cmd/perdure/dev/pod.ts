// SPDX-License-Identifier: Apache-2.0

import type { Clock, Random } from "../../../pkg/base/mod.ts";
import type { Proxy } from "../../../pkg/proxy/mod.ts";
import { startProxy } from "../../../pkg/proxy/mod.ts";
import { logsOnly } from "../../../pkg/telemetry/mod.ts";

import type { DevTracingDependencies } from "./dev-tracing.ts";
import { devTracing } from "./dev-tracing.ts";
import { frontPage } from "./front-page.ts";
import { functionEnvironment } from "./function-command.ts";
import { startFunction } from "./function-process.ts";
import { FunctionRunner } from "./function-runner.ts";
import { createLineLogger } from "./line-logger.ts";
import { startOrphanGuard } from "./orphan-guard.ts";
import type { PodAnnouncer } from "./pod-announcer.ts";
import type { PodSettings } from "./pod-settings.ts";
import type { News } from "./restart-policy.ts";
import { DEFAULT_RESTART_OPTIONS } from "./restart-policy.ts";
import type { DevSettings } from "./settings.ts";

export interface PodDependencies {
  readonly settings: DevSettings;
  readonly pod: PodSettings;
  readonly announcer: PodAnnouncer;
  readonly watching: boolean;
  /** Whether a line is printed for each request. */
  readonly logRequests: boolean;
  /** The environment variables that the function inherits from us. */
  readonly environment: Readonly<NodeJS.ProcessEnv>;
  readonly clock: Clock;
  readonly random: Random;
  readonly onNews: (news: News) => void;
  readonly onServed: () => void;
  readonly onRefused: () => void;
  /** Nothing will start the function again. */
  readonly onGiveUp: () => void;
  /** The number of shards that its proxy owns has changed. */
  readonly onShards: (own: number) => void;
}

/** A user function and its proxy. The proxy runs; the function runs from `runner.start` to `stopFunction`. */
export interface Pod {
  readonly proxy: Proxy;
  readonly runner: FunctionRunner;
  /** Starts the function again, when other proxies have taken the entities of this one, if any can. */
  restart(files: readonly string[]): void;
  /** Ends the function for good. Resolves when nothing of it is left. */
  stopFunction(): Promise<void>;
}

/** @throws what `startProxy` throws. Then nothing is left of it. */
export async function startPod(dependencies: PodDependencies): Promise<Pod> {
  const { announcer, watching, clock, random, onNews, onGiveUp } = dependencies;
  const guard = startOrphanGuard();
  // Resolves when the proxy has its part of the entities again after the last restart of the function.
  let back = Promise.resolve();
  const runner = new FunctionRunner({
    options: { ...DEFAULT_RESTART_OPTIONS, watching },
    clock,
    random,
    guard,
    spawn: () => spawnFunction(dependencies),
    onNews: (news) => {
      announcer.news(news);
      // Whoever hears of a restart may take the next function away, so others have to have entities before.
      if (news.kind === "restarted") void back.then(() => onNews(news));
      else onNews(news);
    },
    onGiveUp,
  });
  try {
    const proxy = await startPodProxy(dependencies, runner, (comesBack) => void (back = comesBack));
    return {
      proxy,
      runner,
      restart(files) {
        if (dependencies.pod.name === undefined) return runner.changed(files);
        void proxy.standAside().then(() => runner.changed(files));
      },
      async stopFunction() {
        await runner.stop();
        guard.release();
      },
    };
  } catch (error) {
    guard.release();
    throw error;
  }
}

async function startPodProxy(
  dependencies: PodDependencies,
  runner: FunctionRunner,
  onComesBack: (comesBack: Promise<void>) => void,
): Promise<Proxy> {
  const { settings, pod, logRequests, announcer, clock, random } = dependencies;
  const { onServed, onRefused, onShards } = dependencies;
  const logger = createLineLogger(pod.proxy.logLevel, announcer.errorStyle, (line) =>
    announcer.proxyLine(line),
  );
  const show: DevTracingDependencies["show"] = (trace, link) => announcer.trace(trace, link);
  const tracing = devTracing(settings, pod, { clock, random, logger, show });
  const proxy: Proxy = await startProxy(pod.proxy, {
    clock,
    random,
    telemetry: { ...logsOnly(logger), ...(tracing && { tracer: tracing.tracer }) },
    levels: logger,
    onMetrics: (metrics) => tracing?.countIn(metrics),
    front: frontPage(() => announcer.front),
    onRequest: logRequests ? (record) => announcer.request(record) : undefined,
    onShards,
    onSpec: (spec) => {
      if (spec === undefined) return;
      onComesBack(proxy.comeBack());
      runner.served();
      announcer.spec(spec, proxy.port);
      onServed();
    },
    onRejected: () => {
      runner.refused();
      announcer.refused();
      onRefused();
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

function spawnFunction({ settings, pod, announcer, environment }: PodDependencies) {
  const { command, project } = settings;
  announcer.functionStarts();
  return startFunction({
    command,
    folder: project.folder,
    env: functionEnvironment(environment, pod.functionAddress, project.folder, process.execPath),
    onLine: (line, stream) => announcer.functionLine(line, stream),
  });
}
