// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../../base/mod.ts";
import { assert, getOrMake } from "../../base/mod.ts";

import type { Counter, Histogram, Meter, Observed } from "../telemetry.ts";
import type { Exemplar } from "./instruments.ts";
import { CounterSeries, HistogramSeries } from "./instruments.ts";
import type { Labels, Metric } from "./metric.ts";

/** All series of one metric, at one moment. */
export interface MetricFamily {
  readonly metric: Metric;
  readonly series: readonly Series[];
}

export interface Series {
  /** In the order of the declaration. */
  readonly labels: Labels<string>;
  readonly value: SeriesValue;
}

export type SeriesValue =
  | { readonly kind: "number"; readonly number: number }
  | {
      readonly kind: "distribution";
      readonly sum: number;
      /** For each bucket of the metric, and one for what is beyond them, how many values were in it. */
      readonly buckets: readonly { readonly count: number; readonly exemplar: Exemplar | undefined }[];
    };

/** The series of a metric. A further set of labels shares one series with all others beyond this bound. */
const MAX_SERIES = 200;

/** What all labels of that series say. */
const OTHER = "other";

/**
 * Keeps the metrics of one process in memory, for whoever asks for them.
 *
 * 1. One metric and set of labels is one series, however often it is asked for.
 * 2. (I11) A metric has at most `MAX_SERIES` series and one for all others, so that the memory is bounded whether
 *    anybody asks for the metrics or not: a series takes some 500 bytes, with examples of traces 3 KiB.
 * 3. A counter never goes down, and a metric that was never used is not told.
 */
export class MetricRegistry implements Meter {
  readonly #clock: Clock;
  readonly #families = new Map<Metric, Family>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  counter<L extends string>(metric: Metric<"counter", L>, labels: Labels<L>): Counter {
    return this.#series(metric, labels, () => new CounterSeries()) as CounterSeries;
  }

  histogram<L extends string>(metric: Metric<"histogram", L>, labels: Labels<L>): Histogram {
    const make = () => new HistogramSeries(metric.buckets, this.#clock);
    return this.#series(metric, labels, make) as HistogramSeries;
  }

  observe<L extends string>(
    metric: Metric<"counter" | "gauge", L>,
    read: () => readonly Observed<L>[],
  ): void {
    this.#family(metric).read = read;
  }

  /** All metrics that have a series, in the order in which they were first asked for. */
  collect(): readonly MetricFamily[] {
    return [...this.#families.values()]
      .map(({ metric, instruments, read }) => {
        const recorded = [...instruments.values()].map(({ labels, instrument }) => ({
          labels,
          value: valueOf(instrument),
        }));
        const observed = (read?.() ?? []).slice(0, MAX_SERIES).map(
          ({ labels, value }): Series => ({
            labels: inOrder(metric, labels),
            value: { kind: "number", number: value },
          }),
        );
        return { metric, series: [...recorded, ...observed] };
      })
      .filter(({ series }) => series.length > 0);
  }

  #family(metric: Metric): Family {
    return getOrMake(this.#families, metric, () => {
      const isNew = [...this.#families.keys()].every(({ name }) => name !== metric.name);
      assert(isNew, "a name belongs to one declaration");
      return { metric, instruments: new Map(), read: undefined };
    });
  }

  #series(metric: Metric, labels: Labels<string>, make: () => Instrument): Instrument {
    const { instruments } = this.#family(metric);
    const own = inOrder(metric, labels);
    const found = instruments.get(keyOf(own));
    if (found !== undefined) return found.instrument;
    const kept =
      instruments.size < MAX_SERIES ? own : Object.fromEntries(metric.labels.map((label) => [label, OTHER]));
    return getOrMake(instruments, keyOf(kept), () => ({ labels: kept, instrument: make() })).instrument;
  }
}

type Instrument = CounterSeries | HistogramSeries;

interface Family {
  readonly metric: Metric;
  readonly instruments: Map<string, { readonly labels: Labels<string>; readonly instrument: Instrument }>;
  read: (() => readonly Observed<string>[]) | undefined;
}

function inOrder(metric: Metric, labels: Labels<string>): Labels<string> {
  return Object.fromEntries(
    metric.labels.map((label) => {
      const value = labels[label];
      assert(value !== undefined, "each declared label has a value");
      return [label, value];
    }),
  );
}

function keyOf(labels: Labels<string>): string {
  return JSON.stringify(Object.values(labels));
}

function valueOf(instrument: Instrument): SeriesValue {
  if (instrument instanceof CounterSeries) return { kind: "number", number: instrument.value };
  const buckets = instrument.counts.map((count, i) => ({ count, exemplar: instrument.exemplarOf(i) }));
  return { kind: "distribution", sum: instrument.sum, buckets };
}
