// SPDX-License-Identifier: Apache-2.0

import { assert } from "../../base/mod.ts";

/**
 * The declaration of a metric. Each layer declares its own in its `metrics.ts`, from which `docs/metrics.md` is made:
 *
 *     const entitiesFailed = counter("entities_failed", ["kind", "type"], "Entities whose stream was lost.");
 *
 * The number of values that a label takes must be bounded by the code or the user function, never by its callers: a
 * kind, a status or an entity type, but no entity id.
 */
export interface Metric<K extends MetricKind = MetricKind, L extends string = string> {
  readonly kind: K;
  /** Begins with `perdure_`, and ends with the unit if there is one. A counter's samples also end with `_total`. */
  readonly name: string;
  readonly unit: MetricUnit | undefined;
  /** One sentence for operators. */
  readonly help: string;
  readonly labels: readonly L[];
  /** Of a histogram: the upper bounds of its buckets in ascending order, without infinity. */
  readonly buckets: readonly number[];
}

/** Only goes up; goes up and down; the distribution of values. */
export type MetricKind = "counter" | "gauge" | "histogram";

export type MetricUnit = "seconds" | "bytes";

/** A value for each label. */
export type Labels<L extends string> = Readonly<Record<L, string>>;

/** Metrics that belong together, for people who read them. */
export interface MetricGroup {
  readonly title: string;
  readonly metrics: Readonly<Record<string, Metric>>;
}

/**
 * From a fifth of a millisecond, which is a command without an append, to the time-outs of commands. In seconds. Two to
 * three buckets for each power of ten tell a percentile to within its double.
 */
export const DURATION_BUCKETS: readonly number[] = [
  0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

/** How long something stays, from a second to a day. In seconds. */
export const STAY_BUCKETS: readonly number[] = [1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400];

/** @param name without `perdure_` and `_total`. */
export function counter<const L extends string = never>(
  name: string,
  labels: readonly L[],
  help: string,
): Metric<"counter", L> {
  return metric("counter", name, labels, help, []);
}

/** @param name without `perdure_`. */
export function gauge<const L extends string = never>(
  name: string,
  labels: readonly L[],
  help: string,
): Metric<"gauge", L> {
  return metric("gauge", name, labels, help, []);
}

/** @param name without `perdure_`. */
export function histogram<const L extends string = never>(
  name: string,
  labels: readonly L[],
  help: string,
  buckets: readonly number[],
): Metric<"histogram", L> {
  return metric("histogram", name, labels, help, buckets);
}

/** The name of a metric in the text format of Prometheus, and in what is asked of it. */
export function sampleName({ kind, name }: Metric): string {
  return kind === "counter" ? `${name}_total` : name;
}

function metric<K extends MetricKind, L extends string>(
  kind: K,
  name: string,
  labels: readonly L[],
  help: string,
  buckets: readonly number[],
): Metric<K, L> {
  assert(/^[a-z]+(?:_[a-z]+)*$/.test(name), "a name has lower-case words");
  assert(!/_(?:total|count|sum|bucket|info)$/.test(name), "the format adds these itself");
  assert(
    buckets.every((bound, i) => i === 0 || bound > (buckets[i - 1] ?? bound)),
    "buckets ascend",
  );
  const unit = name.endsWith("_seconds") ? "seconds" : name.endsWith("_bytes") ? "bytes" : undefined;
  return { kind, name: `perdure_${name}`, unit, help, labels, buckets };
}
