// SPDX-License-Identifier: Apache-2.0

import type { Exemplar } from "./instruments.ts";
import type { Labels, Metric } from "./metric.ts";
import { sampleName } from "./metric.ts";
import type { MetricFamily, Series } from "./registry.ts";

/** A text that Prometheus reads. */
export interface TextFormat {
  readonly name: "prometheus" | "openmetrics";
  readonly contentType: string;
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/ (0.0.4) */
export const PROMETHEUS: TextFormat = {
  name: "prometheus",
  contentType: "text/plain; version=0.0.4; charset=utf-8",
};

/** https://prometheus.io/docs/specs/om/open_metrics_spec/ (1.0.0), which also has examples of traces. */
export const OPEN_METRICS: TextFormat = {
  name: "openmetrics",
  contentType: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** The metrics as a text. Its last line has no line break. */
export function metricsText(families: readonly MetricFamily[], format: TextFormat): string {
  const lines = families.flatMap(({ metric, series }) => [
    ...(format === OPEN_METRICS ? openMetricsHead(metric) : prometheusHead(metric)),
    ...series.flatMap((each) => samples(metric, each, format)),
  ]);
  if (format === OPEN_METRICS) lines.push("# EOF");
  return lines.join("\n");
}

function prometheusHead(metric: Metric): string[] {
  const name = sampleName(metric);
  const help = metric.help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${metric.kind}`];
}

function openMetricsHead({ name, kind, unit, help }: Metric): string[] {
  return [
    `# TYPE ${name} ${kind}`,
    ...(unit === undefined ? [] : [`# UNIT ${name} ${unit}`]),
    `# HELP ${name} ${escaped(help)}`,
  ];
}

function samples(metric: Metric, { labels, value }: Series, format: TextFormat): string[] {
  if (value.kind === "number")
    return [`${sampleName(metric)}${labelText(labels)} ${numberText(value.number)}`];
  const { name, buckets: bounds } = metric;
  let count = 0;
  const lines = value.buckets.map((bucket, i) => {
    count += bucket.count;
    const line = `${name}_bucket${labelText({ ...labels, le: boundText(bounds[i]) })} ${count}`;
    const { exemplar } = bucket;
    return exemplar === undefined || format !== OPEN_METRICS ? line : `${line} # ${exemplarText(exemplar)}`;
  });
  const own = labelText(labels);
  return [...lines, `${name}_sum${own} ${numberText(value.sum)}`, `${name}_count${own} ${count}`];
}

function labelText(labels: Labels<string>): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function exemplarText({ traceId, spanId, value, atMs }: Exemplar): string {
  const labels = labelText({ trace_id: traceId, span_id: spanId });
  return `${labels} ${numberText(value)} ${(atMs / 1_000).toFixed(3)}`;
}

/** The same in both formats, so that a change of format is not a change of series. */
function boundText(bound: number | undefined): string {
  if (bound === undefined) return "+Inf";
  return Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

function numberText(value: number): string {
  if (Number.isFinite(value) || Number.isNaN(value)) return String(value);
  return value > 0 ? "+Inf" : "-Inf";
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}
