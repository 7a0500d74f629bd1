// SPDX-License-Identifier: Apache-2.0
// Loaded only by `metric-push.ts`, and only when metrics are to be sent, as `otlp.later.ts` is for spans.

import type { HrTime } from "@opentelemetry/api";
import { ValueType } from "@opentelemetry/api";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-grpc";
import type { Resource } from "@opentelemetry/resources";
import type { DataPoint, MetricData, ResourceMetrics } from "@opentelemetry/sdk-metrics";
import {
  AggregationTemporality,
  DataPointType,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";

import type { Clock, Logger } from "../../base/mod.ts";

import type { Metric } from "../metrics/metric.ts";
import type { MetricFamily, Series, SeriesValue } from "../metrics/registry.ts";
import type { OtlpSource } from "./otlp-resource.ts";
import { logWarnings, resourceOf } from "./otlp-resource.ts";

export interface MetricPushing extends OtlpSource {
  readonly clock: Clock;
  readonly logger: Logger;
  collect(): readonly MetricFamily[];
  /** `http://HOST:PORT` or `https://…`; empty: OpenTelemetry's default. */
  readonly endpoint: string;
  readonly version: string;
  readonly intervalMs: number;
  /** At most `intervalMs`. */
  readonly timeoutMs: number;
}

/** As the Unified Code for Units of Measure (UCUM) writes them. */
const UNITS: Readonly<Record<NonNullable<Metric["unit"]>, string>> = { seconds: "s", bytes: "By" };

/**
 * Sends all metrics at each interval, one message at a time. A message that fails is not sent again: the next one has
 * the same counters, and newer values. Returns what sends once more and ends.
 */
export function pushMetrics(pushing: MetricPushing): () => Promise<void> {
  const { clock, logger, collect, endpoint, version, intervalMs, timeoutMs } = pushing;
  logWarnings(logger);
  const resource = resourceOf(pushing);
  const sinceMs = clock.wallMs();
  const producer = {
    collect: async () => {
      const span = { startTime: hrTime(sinceMs), endTime: hrTime(Math.max(clock.wallMs(), sinceMs)) };
      const metrics = collect().map((family) => metricData(family, span));
      return { resourceMetrics: messageOf(resource, metrics, version), errors: [] };
    },
  };
  const reader = new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter(endpoint === "" ? {} : { url: endpoint }),
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: timeoutMs,
    metricProducers: [producer],
  });
  const provider = new MeterProvider({ resource, readers: [reader] });
  return () => provider.shutdown();
}

interface Span {
  readonly startTime: HrTime;
  readonly endTime: HrTime;
}

function messageOf(resource: Resource, metrics: MetricData[], version: string): ResourceMetrics {
  return { resource, scopeMetrics: [{ scope: { name: "perdure", version }, metrics }] };
}

function metricData({ metric, series }: MetricFamily, span: Span): MetricData {
  const { name, help, unit, kind, buckets } = metric;
  const base = {
    descriptor: {
      name,
      description: help,
      unit: unit === undefined ? "" : UNITS[unit],
      valueType: ValueType.DOUBLE,
    },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  if (kind === "histogram") {
    const points = series.map((each) => point(each, span, distribution(each.value, buckets)));
    return { ...base, dataPointType: DataPointType.HISTOGRAM, dataPoints: points };
  }
  const points = series.map((each) =>
    point(each, span, each.value.kind === "number" ? each.value.number : 0),
  );
  return kind === "counter"
    ? { ...base, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints: points }
    : { ...base, dataPointType: DataPointType.GAUGE, dataPoints: points };
}

function point<T>({ labels }: Series, span: Span, value: T): DataPoint<T> {
  return { ...span, attributes: labels, value };
}

function distribution(value: SeriesValue, boundaries: readonly number[]) {
  const counts = value.kind === "distribution" ? value.buckets.map(({ count }) => count) : [];
  const count = counts.reduce((sum, each) => sum + each, 0);
  const sum = value.kind === "distribution" ? value.sum : 0;
  return { buckets: { boundaries: [...boundaries], counts }, count, sum };
}

/** Seconds and nanoseconds. */
function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.floor((ms - seconds * 1_000) * 1e6)];
}
