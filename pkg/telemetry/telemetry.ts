// SPDX-License-Identifier: Apache-2.0

import type { Logger } from "../base/mod.ts";
import { silentLogger } from "../base/mod.ts";

/** Names a span to the spans that follow from it, in the terms of W3C Trace Context. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** Whether the spans of this trace are kept. */
  readonly isSampled: boolean;
}

export type AttributeValue = string | number | boolean;

/** A piece of work, from its start to its end. */
export interface Span {
  /** The parent for the spans that follow from this one; undefined if nobody traces. */
  readonly context: TraceContext | undefined;
  set(name: string, value: AttributeValue): void;
  /** Called once. @param error why the work failed; undefined: it did not. */
  end(error?: unknown): void;
}

/**
 * Makes spans:
 *
 *     const span = tracer.start("append", call.trace);
 *     await log.append(entity, expected, record).then(() => span.end(), (error) => span.end(error));
 */
export interface Tracer {
  /** @param parent undefined: the span begins a trace. */
  start(name: string, parent: TraceContext | undefined): Span;
}

export interface Counter {
  add(count: number): void;
}

export interface Histogram {
  /** Notes a value in the unit with which the histogram was made. */
  record(value: number): void;
}

/** Makes instruments. Called at the start, once for each name. */
export interface Meter {
  counter(name: string, description: string): Counter;
  /** @param unit as in the name's suffix, for example "ms" or "bytes" */
  histogram(name: string, description: string, unit: string): Histogram;
  /** @param read called whenever the value is asked for. */
  gauge(name: string, description: string, read: () => number): void;
}

/** By what a part tells people what it does. */
export interface Telemetry {
  readonly logger: Logger;
  readonly tracer: Tracer;
  readonly meter: Meter;
}

const NO_SPAN: Span = Object.freeze({ context: undefined, set: () => undefined, end: () => undefined });

/** Traces nothing, and allocates nothing: every span is the same frozen object. */
export const NO_TRACER: Tracer = Object.freeze({ start: () => NO_SPAN });

const NO_COUNTER: Counter = Object.freeze({ add: () => undefined });
const NO_HISTOGRAM: Histogram = Object.freeze({ record: () => undefined });

const NO_METER: Meter = Object.freeze({
  counter: () => NO_COUNTER,
  histogram: () => NO_HISTOGRAM,
  gauge: () => undefined,
});

/** Only log lines. */
export function logsOnly(logger: Logger): Telemetry {
  return { logger, tracer: NO_TRACER, meter: NO_METER };
}

/** For tests, and for callers that do not care. */
export const NO_TELEMETRY: Telemetry = logsOnly(silentLogger);
