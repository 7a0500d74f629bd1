// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../../base/mod.ts";

import type { Counter, Histogram, TraceContext } from "../telemetry.ts";

/** A value that an observed trace of a histogram's bucket had. */
export interface Exemplar {
  readonly traceId: string;
  readonly spanId: string;
  readonly value: number;
  /** Wall-clock milliseconds. */
  readonly atMs: number;
}

/** A counter of one set of labels. */
export class CounterSeries implements Counter {
  #value = 0;

  get value(): number {
    return this.#value;
  }

  add(count: number): void {
    this.#value += count;
  }
}

/** The lengths of a trace's and a span's id, in hexadecimal digits (W3C Trace Context). */
const TRACE_ID_LENGTH = 32;
const SPAN_ID_LENGTH = 16;

/**
 * A histogram of one set of labels.
 *
 * 1. `record` allocates nothing, unless it is the first one in a sampled trace.
 * 2. (I11) It takes the same memory however often it is used: a number for each bucket, and the last sampled value of
 *    each.
 */
export class HistogramSeries implements Histogram {
  /** Shared by all series of the metric. */
  readonly #bounds: readonly number[];
  /** How many values were in each bucket, then in that of infinity; the last number is the sum of all values. */
  readonly #numbers: Float64Array;
  readonly #clock: Clock;
  #sampled: SampledValues | undefined;

  constructor(bounds: readonly number[], clock: Clock) {
    this.#bounds = bounds;
    this.#numbers = new Float64Array(bounds.length + 2);
    this.#clock = clock;
  }

  record(value: number, trace?: TraceContext): void {
    const bounds = this.#bounds;
    const numbers = this.#numbers;
    let i = 0;
    // The buckets are few and most values are in the first ones, where a binary search would be slower.
    while (i < bounds.length && value > (bounds[i] as number)) i++;
    (numbers[i] as number)++;
    (numbers[bounds.length + 1] as number) += value;
    if (trace !== undefined && trace.isSampled) this.#keep(i, value, trace);
  }

  get sum(): number {
    return this.#numbers.at(-1) ?? 0;
  }

  /** How many values were in each bucket, not added up; one more number than there are bounds. */
  get counts(): readonly number[] {
    return [...this.#numbers.subarray(0, -1)];
  }

  exemplarOf(bucket: number): Exemplar | undefined {
    const sampled = this.#sampled;
    const trace = sampled?.traces[bucket];
    if (sampled === undefined || trace === undefined) return undefined;
    const { traceId, spanId } = trace;
    if (traceId.length !== TRACE_ID_LENGTH || spanId.length !== SPAN_ID_LENGTH) return undefined;
    const [value = 0, atMs = 0] = [sampled.values[bucket], sampled.timesMs[bucket]];
    return { traceId, spanId, value, atMs };
  }

  #keep(bucket: number, value: number, trace: TraceContext): void {
    const sampled = (this.#sampled ??= new SampledValues(this.#bounds.length + 1));
    sampled.traces[bucket] = trace;
    sampled.values[bucket] = value;
    sampled.timesMs[bucket] = this.#clock.wallMs();
  }
}

/** The last sampled value of each bucket. */
class SampledValues {
  readonly traces: (TraceContext | undefined)[];
  readonly values: Float64Array;
  readonly timesMs: Float64Array;

  constructor(length: number) {
    this.traces = Array.from({ length }, () => undefined);
    this.values = new Float64Array(length);
    this.timesMs = new Float64Array(length);
  }
}
