// SPDX-License-Identifier: Apache-2.0

import type { Leveled } from "../../pkg/base/mod.ts";
import {
  describeError,
  keepWithoutReaders,
  stopSignal,
  systemClock,
  systemRandom,
} from "../../pkg/base/mod.ts";
import { EventLogError } from "../../pkg/eventlog/mod.ts";
import type { Proxy, ProxyOptions, StartError } from "../../pkg/proxy/mod.ts";
import { PROXY_VERSION, proxyOptions, startProxy } from "../../pkg/proxy/mod.ts";
import type { Texts } from "../../pkg/settings/mod.ts";
import { SettingError } from "../../pkg/settings/mod.ts";
import type { Telemetry } from "../../pkg/telemetry/mod.ts";
import { createLogger, logsOnly, podFields } from "../../pkg/telemetry/mod.ts";
import type { MetricPush, Tracing } from "../../pkg/telemetry/otel/mod.ts";
import { startMetricPush, startTracing } from "../../pkg/telemetry/otel/mod.ts";

import { leaveEndToProgram } from "./early-end.ts";
import { parseFlags } from "./flags.ts";
import { keepHeapSmall } from "./heap.ts";
import { leaveTerminationMessage } from "./termination-message.ts";

const EXIT_STOPPED = 0;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/**
 * Runs the proxy until it is told to stop, then ends the process with an exit code: 0 stopped as asked, 1 could not
 * start (also because it found no user function, `startTimeoutMs`), 2 wrong usage. The reason is written to standard
 * error and to `terminationMessageFile`.
 */
export async function run(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  keepWithoutReaders("perdure");
  const stop = new AbortController();
  const stopRequested = stopSignal(() => process.exit(EXIT_FAILED)).then(() => stop.abort());
  leaveEndToProgram();
  const flags = parseFlags(argv);
  try {
    const failed = Promise.withResolvers<StartError>();
    const proxy = await start(flags, env, stop.signal, failed.resolve).catch((error: unknown) => {
      // The proxy was told to stop while it waited for its log.
      if (stop.signal.aborted) process.exit(EXIT_STOPPED);
      throw error;
    });
    keepHeapSmall();
    const failure = await Promise.race([stopRequested, failed.promise]);
    await proxy.stop();
    if (failure !== undefined) throw failure;
    process.exit(EXIT_STOPPED);
  } catch (error) {
    process.stderr.write(`perdure: ${describeError(error)}\n`);
    leaveTerminationMessage(error, flags, env);
    process.exit(isUsage(error) ? EXIT_USAGE : EXIT_FAILED);
  }
}

async function start(
  flags: Texts,
  env: Texts,
  signal: AbortSignal,
  onStartFailed: (error: StartError) => void,
): Promise<Pick<Proxy, "stop">> {
  const options = proxyOptions(flags, env);
  const { telemetry, levels, tracing, push } = telemetryOf(options, podFields(env));
  const proxy = await startProxy(options, {
    clock: systemClock,
    random: systemRandom,
    telemetry,
    levels,
    // The clock begins with the process.
    startedMs: 0,
    signal,
    onMetrics: (metrics) => {
      tracing?.countIn(metrics);
      push?.of(metrics);
    },
    onSpec: (spec) => {
      if (spec !== undefined) process.stderr.write(`ready http://127.0.0.1:${proxy.port}\n`);
    },
    onStartFailed,
  }).catch(async (error: unknown) => {
    await tracing?.stop();
    throw error;
  });
  tracing?.listening();
  push?.listening();
  return {
    async stop() {
      await proxy.stop();
      await Promise.all([tracing?.stop(), push?.stop()]);
    },
  };
}

function telemetryOf(
  options: ProxyOptions,
  pod: Readonly<Record<string, string>>,
): {
  readonly telemetry: Telemetry;
  readonly levels: Leveled;
  readonly tracing: Tracing | undefined;
  readonly push: MetricPush | undefined;
} {
  const logger = createLogger(options.logLevel, process.stdout, pod);
  const dependencies = { clock: systemClock, random: systemRandom, logger, pod, version: PROXY_VERSION };
  const tracing = startTracing(options, dependencies);
  const push = startMetricPush(options, dependencies);
  const logs = logsOnly(logger);
  const telemetry = tracing === undefined ? logs : { ...logs, tracer: tracing.tracer };
  return { telemetry, levels: logger, tracing, push };
}

function isUsage(error: unknown): boolean {
  return (
    error instanceof SettingError || (error instanceof EventLogError && error.code === "LOG_BAD_ADDRESS")
  );
}
