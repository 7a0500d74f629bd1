// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../base/mod.ts";
import type { Span, TraceContext, Tracer } from "../telemetry/mod.ts";
import { inSpan } from "../telemetry/mod.ts";
import type { Served } from "../userfunction/mod.ts";

import type { Part } from "./parts/part.ts";
import type { Parts } from "./parts/parts.ts";

/**
 * The start of the proxy as a trace: the span `start`, from the start of the program until a user function is served,
 * and its children. `load` is the time until the first part starts, `discovery` that from the last part on.
 */
export class StartTrace {
  readonly #tracer: Tracer;
  readonly #start: Span;
  #discovery: Span | undefined;
  #isOver = false;

  /** @param startedMs when the program was started, by the clock; default: now */
  constructor(tracer: Tracer, clock: Clock, startedMs = clock.monotonicMs()) {
    this.#tracer = tracer;
    this.#start = tracer.start("start", undefined, { startMs: startedMs });
    tracer.start("load", this.#start.context, { startMs: startedMs }).end();
  }

  get context(): TraceContext | undefined {
    return this.#start.context;
  }

  /** Starts a part in a span. @throws what its start throws. */
  part<P extends Part>(parts: Parts, part: P): Promise<P> {
    return inSpan(this.#tracer, `start ${part.name}`, this.context, () => parts.start(part));
  }

  /** The proxy looks for its user function from now on. */
  looking(served: Served): void {
    this.#discovery = this.#tracer.start("discovery", this.context);
    served.subscribe((spec) => {
      if (spec !== undefined) this.end();
    });
  }

  /** The start is over; further calls do nothing. @param error why it failed; undefined: it did not. */
  end(error?: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#discovery?.end(error);
    this.#start.end(error);
  }
}
