// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../../base/mod.ts";
import { BoundedQueue } from "../../base/mod.ts";

import { EventLogError } from "../event-log.ts";

/**
 * Spreads synchronous reads over turns of the event loop, so that ten thousand activations at once, or a consumer
 * that catches up, leave time for other work.
 *
 * 1. A read runs at once if no read waits and the turn's time slice is not used up. Otherwise it runs in a later
 *    turn, in order of arrival.
 * 2. No read starts later than `sliceMs` after the first read of the same turn.
 * 3. At most `capacity` reads wait (I11).
 */
export class ReadTurns {
  readonly #clock: Clock;
  readonly #sliceMs: number;
  readonly #waiting: BoundedQueue<() => void>;
  #sliceEndMs: number | undefined;

  constructor(clock: Clock, sliceMs: number, capacity: number) {
    this.#clock = clock;
    this.#sliceMs = sliceMs;
    this.#waiting = new BoundedQueue(capacity);
  }

  /** Runs `read` when it is its turn. @throws what it throws, or EventLogError `LOG_OVERLOADED`. */
  run<T>(read: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        try {
          resolve(read());
        } catch (thrown) {
          reject(thrown);
        }
      };
      if (this.#waiting.size === 0 && this.#isWithinSlice()) return settle();
      if (this.#waiting.push(settle)) return;
      const text = `${this.#waiting.size} reads of the log wait already (maxPendingReads)`;
      reject(new EventLogError("LOG_OVERLOADED", text));
    });
  }

  #isWithinSlice(): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (this.#sliceEndMs === undefined) {
      this.#sliceEndMs = nowMs + this.#sliceMs;
      setImmediate(() => this.#nextTurn());
    }
    return nowMs < this.#sliceEndMs;
  }

  #nextTurn(): void {
    this.#sliceEndMs = undefined;
    while (this.#waiting.size > 0 && this.#isWithinSlice()) this.#waiting.shift()?.();
  }
}
