// SPDX-License-Identifier: Apache-2.0

/**
 * Puts the spans of each request together, for `perdure dev --trace`.
 *
 *     first span begins ──▶ open ──▶ settling ──▶ shown
 *                                    (the first span has ended)
 *
 * 1. A trace here begins with a span that no other span of this process is the parent of. It is kept if that span is
 *    that of a request (`server` or `consumer`); what the proxy does for itself is not shown.
 * 2. It is shown once: when its first span has ended, and after that none of the others is open, or at the latest
 *    `MAX_WAIT_MS` later. It waits at least `SETTLE_MS`, so that the line of the request comes before, and what the
 *    request leads to after its answer has begun.
 * 3. A request that begins below a trace that was shown is a trace of its own.
 * 4. Spans of a trace, traces and their bytes are bounded (I11). What is beyond is counted, and the counts are shown.
 */

import type { Clock } from "../../../pkg/base/mod.ts";
import type { TraceContext } from "../../../pkg/telemetry/mod.ts";
import type { RecordedSpan, SpanWatcher } from "../../../pkg/telemetry/otel/mod.ts";

/** A span, with those that began under it, in the order in which they began. */
export interface TraceNode {
  readonly name: string;
  readonly startMs: number;
  /** Undefined: the span has not ended. */
  readonly endMs: number | undefined;
  /** The code or the class of the error with which it failed. */
  readonly failure: string | undefined;
  readonly children: readonly TraceNode[];
}

export interface ShownTrace {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  readonly root: TraceNode;
  /** Spans that were beyond the bounds. */
  readonly leftOut: number;
  /** Traces before this one that were beyond the bounds. */
  readonly missed: number;
}

export interface TraceBounds {
  readonly maxSpans: number;
  readonly maxTraces: number;
  readonly maxBytes: number;
}

export interface TraceCollectorDependencies {
  readonly clock: Clock;
  readonly show: (trace: ShownTrace) => void;
  readonly bounds?: TraceBounds;
}

/** Spans that one trace keeps, traces that are kept at a time, and about how many bytes all of them may take. */
const BOUNDS: TraceBounds = { maxSpans: 100, maxTraces: 1_000, maxBytes: 4 * 1_024 * 1_024 };

const SETTLE_MS = 50;
const MAX_WAIT_MS = 2_000;

/** What a span costs beside its texts, and the longest texts that are kept, in UTF-16 code units. */
const NODE_BYTES = 300;
const MAX_NAME = 200;
const MAX_FAILURE = 60;

interface Node extends TraceNode {
  endMs: number | undefined;
  failure: string | undefined;
  readonly children: Node[];
}

interface KeptTrace {
  readonly traceId: string;
  readonly root: Node;
  spans: number;
  bytes: number;
  /** Spans that have not ended, those that were left out included. */
  open: number;
  leftOut: number;
  state: "open" | "settling" | "shown";
}

/** Where a span is; `node` is undefined for one that was left out, `trace` for one of a trace that is not kept. */
interface Place {
  readonly trace: KeptTrace | undefined;
  readonly node: Node | undefined;
}

const NOWHERE: Place = { trace: undefined, node: undefined };

const OF_REQUESTS: readonly string[] = ["server", "consumer"];

export class TraceCollector implements SpanWatcher {
  readonly #clock: Clock;
  readonly #show: (trace: ShownTrace) => void;
  readonly #bounds: TraceBounds;
  /** By the very objects that spans hand to their children, so that a place is forgotten with the last of them. */
  readonly #places = new WeakMap<TraceContext, Place>();
  #traces = 0;
  #bytes = 0;
  #missed = 0;

  constructor({ clock, show, bounds = BOUNDS }: TraceCollectorDependencies) {
    this.#clock = clock;
    this.#show = show;
    this.#bounds = bounds;
  }

  /** About how many bytes are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  started(span: RecordedSpan): void {
    const above = span.parent && this.#places.get(span.parent);
    const isFirst = above === undefined || above.trace?.state === "shown";
    this.#places.set(span.context, isFirst ? this.#begin(span) : this.#grow(above, span));
  }

  ended(span: RecordedSpan): void {
    const { trace, node } = this.#places.get(span.context) ?? NOWHERE;
    if (trace === undefined || trace.state === "shown") return;
    trace.open--;
    if (node !== undefined) {
      node.endMs = span.endMs;
      node.failure = span.failure?.type.slice(0, MAX_FAILURE);
    }
    if (node === trace.root) this.#settle(trace);
  }

  #begin(span: RecordedSpan): Place {
    if (!OF_REQUESTS.includes(span.kind)) return NOWHERE;
    const { maxTraces } = this.#bounds;
    const bytes = bytesOf(span);
    if (this.#traces >= maxTraces || !this.#hasRoom(bytes)) {
      this.#missed++;
      return NOWHERE;
    }
    const root = nodeOf(span);
    const { traceId } = span.context;
    const trace: KeptTrace = { traceId, root, spans: 1, bytes, open: 1, leftOut: 0, state: "open" };
    this.#traces++;
    this.#bytes += bytes;
    return { trace, node: root };
  }

  #grow({ trace, node: above }: Place, span: RecordedSpan): Place {
    if (trace === undefined) return NOWHERE;
    trace.open++;
    const bytes = bytesOf(span);
    if (above === undefined || trace.spans >= this.#bounds.maxSpans || !this.#hasRoom(bytes)) {
      trace.leftOut++;
      return { trace, node: undefined };
    }
    const node = nodeOf(span);
    above.children.push(node);
    trace.spans++;
    trace.bytes += bytes;
    this.#bytes += bytes;
    return { trace, node };
  }

  #hasRoom(bytes: number): boolean {
    return this.#bytes + bytes <= this.#bounds.maxBytes;
  }

  #settle(trace: KeptTrace): void {
    trace.state = "settling";
    const latestMs = this.#clock.monotonicMs() + MAX_WAIT_MS;
    const look = (): void => {
      if (trace.open === 0 || this.#clock.monotonicMs() >= latestMs) this.#finish(trace);
      else this.#clock.schedule(SETTLE_MS, look);
    };
    this.#clock.schedule(SETTLE_MS, look);
  }

  #finish(trace: KeptTrace): void {
    const { traceId, root, leftOut } = trace;
    const missed = this.#missed;
    trace.state = "shown";
    this.#traces--;
    this.#bytes -= trace.bytes;
    this.#missed = 0;
    this.#show({ traceId, root, leftOut, missed });
  }
}

function nodeOf({ name, startMs }: RecordedSpan): Node {
  return { name: name.slice(0, MAX_NAME), startMs, endMs: undefined, failure: undefined, children: [] };
}

function bytesOf({ name }: RecordedSpan): number {
  return NODE_BYTES + 2 * (Math.min(name.length, MAX_NAME) + MAX_FAILURE);
}
