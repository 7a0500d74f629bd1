// SPDX-License-Identifier: Apache-2.0

import type { Clock, Logger, Timer } from "../../base/mod.ts";
import { describeError, settlesWithin } from "../../base/mod.ts";
import type { Values } from "../../settings/mod.ts";
import { MINUTE_MS } from "../../settings/mod.ts";

import type { MetricRegistry } from "../metrics/registry.ts";
import { countRepeats } from "../repeats.ts";
import type { METRIC_PUSH_SETTINGS, TRACE_SETTINGS } from "../settings.ts";
import { resourceAttributes } from "./resource-attributes.ts";
import { isTrue, words } from "./trace-options.ts";

export type MetricPushOptions = Values<typeof METRIC_PUSH_SETTINGS> &
  Pick<
    Values<typeof TRACE_SETTINGS>,
    "otelSdkDisabled" | "otelExporterOtlpEndpoint" | "otelExporterOtlpProtocol" | "otelServiceName"
  >;

export interface MetricPushDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where the program runs (`podFields`). */
  readonly pod: Readonly<Record<string, string>>;
  /** The program's version. */
  readonly version: string;
}

/** Metrics on their way to a receiver of OTLP, at intervals. */
export interface MetricPush {
  /** These are the metrics. Without them nothing is sent. */
  of(metrics: Pick<MetricRegistry, "collect">): void;
  /** The program serves: what sends metrics is loaded soon. */
  listening(): void;
  /** Sends them once more; bounded in time, and never rejects. */
  stop(): Promise<void>;
}

/** The caller that woke the program should not wait while packages are loaded. */
const LOAD_AFTER_MS = 1_000;

/** Longest time in which `stop` sends. */
const STOP_MS = 5_000;

/** What the settings ask for, and what of it is not there, in words for a log line. */
function wantedMetrics(options: MetricPushOptions): {
  readonly isOn: boolean;
  readonly problems: readonly string[];
} {
  if (isTrue(options.otelSdkDisabled)) return { isOn: false, problems: [] };
  const exporters = words(options.otelMetricsExporter);
  const isOn = exporters.includes("otlp");
  const problems = exporters
    .filter((name) => !["otlp", "prometheus", "none"].includes(name))
    .map((name) => `OTEL_METRICS_EXPORTER: ${name} is not known here`);
  const protocol = options.otelExporterOtlpMetricsProtocol || options.otelExporterOtlpProtocol;
  if (isOn && protocol !== "" && protocol.trim() !== "grpc")
    problems.push(`OTEL_EXPORTER_OTLP_PROTOCOL: ${protocol} is not known here; metrics go by grpc`);
  return { isOn, problems };
}

/** Returns undefined, and does nothing, if the settings do not ask for it. */
export function startMetricPush(
  options: MetricPushOptions,
  dependencies: MetricPushDependencies,
): MetricPush | undefined {
  const { clock, logger } = dependencies;
  const { isOn, problems } = wantedMetrics(options);
  for (const problem of problems) logger.warn("metrics: a setting is not as it should be", { problem });
  if (!isOn) return undefined;
  let timer: Timer | undefined;
  let load: (() => Promise<Closing>) | undefined;
  let loading: Promise<Closing> | undefined;
  return {
    of(metrics) {
      load = () => (loading ??= open(metrics, options, dependencies));
    },
    listening: () => void (timer ??= clock.schedule(LOAD_AFTER_MS, () => void load?.())),
    async stop() {
      timer?.cancel();
      const closed = load?.().then((close) => close());
      if (closed !== undefined) await settlesWithin(closed, STOP_MS, clock);
    },
  };
}

/** Sends once more, and ends. */
type Closing = () => Promise<void>;

async function open(
  metrics: Pick<MetricRegistry, "collect">,
  options: MetricPushOptions,
  { clock, logger: lines, pod, version }: MetricPushDependencies,
): Promise<Closing> {
  const logger = countRepeats(lines, clock, { logRepeatLines: 1, logRepeatWindowMs: MINUTE_MS });
  const failed = (thrown: unknown): void =>
    logger.warn("metrics could not be exported", { error: describeError(thrown) });
  try {
    const { pushMetrics } = await import("./otlp-metrics.later.ts");
    const close = pushMetrics({
      clock,
      logger,
      collect: () => metrics.collect(),
      endpoint: options.otelExporterOtlpMetricsEndpoint.trim() || options.otelExporterOtlpEndpoint.trim(),
      attributes: resourceAttributes(pod),
      serviceName: options.otelServiceName,
      version,
      intervalMs: options.otelMetricExportIntervalMs,
      // The package takes no time-out that is longer than its interval.
      timeoutMs: Math.min(options.otelMetricExportTimeoutMs, options.otelMetricExportIntervalMs),
    });
    return () => close().catch(failed);
  } catch (thrown) {
    // A bad endpoint or certificate. The proxy serves all the same.
    failed(thrown);
    return async () => undefined;
  }
}
