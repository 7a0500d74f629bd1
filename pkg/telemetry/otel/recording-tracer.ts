// SPDX-License-Identifier: Apache-2.0

import type { Clock, Random } from "../../base/mod.ts";

import { NumberedContext } from "../span-ids.ts";
import type { Span, SpanStart, TraceContext, Tracer } from "../telemetry.ts";
import type { Ending } from "./recorded-span.ts";
import { RecordedSpan } from "./recorded-span.ts";
import type { Sampler } from "./sampler.ts";

export interface RecordingTracerDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly sampler: Sampler;
  /** Called with each span that is kept, when it begins. Default: nothing. */
  readonly onStarted?: ((span: RecordedSpan) => void) | undefined;
  /** Called with each span that is kept, when it has ended. */
  readonly onEnded: (span: RecordedSpan) => void;
}

const AS_USUAL: SpanStart = {};

/**
 * Makes spans that are kept in memory.
 *
 * 1. A span is in the trace of its parent, or begins one.
 * 2. What the parent's context says beside the ids is passed on to the span's.
 * 3. A span that the sampler does not want records nothing. If its parent is not sampled either, its context is the
 *    parent's, and one small object is all that it costs.
 */
export class RecordingTracer implements Tracer {
  readonly #random: Random;
  readonly #sampler: Sampler;
  readonly #ending: Ending;
  readonly #onStarted: ((span: RecordedSpan) => void) | undefined;

  constructor({ clock, random, sampler, onStarted, onEnded }: RecordingTracerDependencies) {
    this.#random = random;
    this.#onStarted = onStarted;
    this.#sampler = sampler;
    this.#ending = { nowMs: () => clock.monotonicMs(), ended: onEnded };
  }

  start(name: string, parent: TraceContext | undefined, options: SpanStart = AS_USUAL): Span {
    if (parent?.isSampled === false && !this.#sampler(parent, parent)) return new UnsampledSpan(parent);
    const context = new NumberedContext(this.#random, parent);
    context.isSampled = this.#sampler(context, parent);
    if (!context.isSampled) return new UnsampledSpan(context);
    const span = new RecordedSpan(name, context, parent, options, this.#ending);
    this.#onStarted?.(span);
    return span;
  }
}

/** A span that nobody keeps; its context tells the next program so. */
class UnsampledSpan implements Span {
  readonly context: TraceContext;

  constructor(context: TraceContext) {
    this.context = context;
  }

  set(): void {}

  end(): void {}
}
