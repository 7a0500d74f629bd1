// SPDX-License-Identifier: Apache-2.0

import type { Logger } from "../base/mod.ts";
import { silentLogger } from "../base/mod.ts";

import type { Labels, Metric } from "./metrics/metric.ts";

/** Names a span to the spans that follow from it, in the terms of W3C Trace Context. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** Whether the spans of this trace are kept. */
  readonly isSampled: boolean;
  /** Whether the trace id is random, as far as is known. All spans of a trace say the same. Default: false. */
  readonly hasRandomId?: boolean | undefined;
  /** What other programs of the trace want to tell each other (`tracestate`). A span has that of its parent. */
  readonly state?: string | undefined;
}

export type AttributeValue = string | number | boolean;

/**
 * What many spans say alike, such as the name of a method. It is made once, and a tracer writes it once. No such name
 * is set again in the same span.
 */
export class FixedAttributes {
  readonly entries: readonly (readonly [name: string, value: AttributeValue])[];
  /** What a tracer has made of them. */
  written: Uint8Array | undefined;

  constructor(attributes: Readonly<Record<string, AttributeValue>>) {
    this.entries = Object.entries(attributes);
  }
}

/** What a span is in an exchange between two programs, in OpenTelemetry's terms; `internal`: it is in none. */
export type SpanKind = "internal" | "server" | "client" | "producer" | "consumer";

/** What else is known of a span when it starts. */
export interface SpanStart {
  /** Default: `internal`. */
  readonly kind?: SpanKind;
  /** When the work began, in milliseconds of the clock's `monotonicMs`. Default: now. */
  readonly startMs?: number | undefined;
  /** A span of another trace that led to this one. */
  readonly link?: TraceContext | undefined;
  /** What it says from the start. */
  readonly attributes?: FixedAttributes | undefined;
}

/** A piece of work, from its start to its end. */
export interface Span {
  /** The parent for the spans that follow from this one; undefined if nobody traces. */
  readonly context: TraceContext | undefined;
  set(name: string, value: AttributeValue): void;
  /**
   * Called once.
   *
   * @param error why the work failed; undefined: it did not
   * @param attributes what it says at its end
   */
  end(error?: unknown, attributes?: FixedAttributes): void;
}

/**
 * Makes spans:
 *
 *     const span = tracer.start("append", call.trace);
 *     await log.append(entity, expected, record).then(() => span.end(), (error) => span.end(error));
 */
export interface Tracer {
  /** @param parent undefined: the span begins a trace. */
  start(name: string, parent: TraceContext | undefined, options?: SpanStart): Span;
}

/** Counts what happens, for one set of labels. */
export interface Counter {
  /** @param count how many more; not negative. */
  add(count: number): void;
}

/** Notes values, such as durations, for one set of labels. */
export interface Histogram {
  /**
   * @param value in the unit of the metric.
   * @param trace the span in which it was measured. If it is sampled, it becomes an example of such a value.
   */
  record(value: number, trace?: TraceContext): void;
}

/** The value of one set of labels at a moment. */
export interface Observed<L extends string = string> {
  readonly labels: Labels<L>;
  readonly value: number;
}

/**
 * Makes instruments, each for one set of labels. Make them beforehand: their use allocates nothing.
 *
 *     const stored = meter.counter(ENTITY_METRICS.eventsStored, { kind: "value", type: "cart" });
 *     stored.add(1);
 */
export interface Meter {
  /** The same counter for the same labels. */
  counter<L extends string>(metric: Metric<"counter", L>, labels: Labels<L>): Counter;
  /** The same histogram for the same labels. */
  histogram<L extends string>(metric: Metric<"histogram", L>, labels: Labels<L>): Histogram;
  /** @param read gives the values whenever somebody asks. It takes the place of an earlier one. */
  observe<L extends string>(metric: Metric<"counter" | "gauge", L>, read: () => readonly Observed<L>[]): void;
}

/** By what a part tells people what it does. */
export interface Telemetry {
  readonly logger: Logger;
  readonly tracer: Tracer;
  readonly meter: Meter;
}

/** A span that records nothing. */
export const NO_SPAN: Span = Object.freeze({
  context: undefined,
  set: () => undefined,
  end: () => undefined,
});

/** Traces nothing, and allocates nothing: every span is the same frozen object. */
export const NO_TRACER: Tracer = Object.freeze({ start: () => NO_SPAN });

const NO_COUNTER: Counter = Object.freeze({ add: () => undefined });
const NO_HISTOGRAM: Histogram = Object.freeze({ record: () => undefined });

/** Counts nothing, and allocates nothing: every instrument is the same frozen object. */
export const NO_METER: Meter = Object.freeze({
  counter: () => NO_COUNTER,
  histogram: () => NO_HISTOGRAM,
  observe: () => undefined,
});

/** Only log lines. */
export function logsOnly(logger: Logger): Telemetry {
  return { logger, tracer: NO_TRACER, meter: NO_METER };
}

/** For tests, and for callers that do not care. */
export const NO_TELEMETRY: Telemetry = logsOnly(silentLogger);
