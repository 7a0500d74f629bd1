// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../../base/mod.ts";

import { MessageWriter } from "./message-writer.ts";
import { writeSpan } from "./otlp-encoding.ts";
import type { RecordedSpan } from "./recorded-span.ts";
import type { SpanBatch } from "./span-sink.ts";

/** A wall clock that is further away than this from where it was has been set anew. */
const JUMP_MS = 100;

/** Writes spans one after the other into one piece of memory, which is used again for each batch. */
export class SpanBatcher {
  readonly #clock: Clock;
  readonly #writer = new MessageWriter();
  #count = 0;
  /**
   * What to add to monotonic times to get those of the wall clock. It stays the same until that clock is set, so that
   * the spans of a trace fit each other.
   */
  #offsetMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offsetMs = clock.wallMs() - clock.monotonicMs();
  }

  /** Spans in the batch so far. */
  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#writer.length;
  }

  /** @throws if the span cannot be written; then it is not in the batch. */
  add(span: RecordedSpan): void {
    if (this.#count === 0) this.#lookAtClock();
    const { length } = this.#writer;
    try {
      writeSpan(this.#writer, span, this.#offsetMs);
      this.#count++;
    } catch (thrown) {
      this.#writer.cutTo(length);
      throw thrown;
    }
  }

  /** Ends the batch. */
  take(): SpanBatch {
    const batch = { spans: this.#writer.take(), count: this.#count };
    this.#count = 0;
    return batch;
  }

  #lookAtClock(): void {
    const nowMs = this.#clock.wallMs() - this.#clock.monotonicMs();
    if (Math.abs(nowMs - this.#offsetMs) > JUMP_MS) this.#offsetMs = nowMs;
  }
}
