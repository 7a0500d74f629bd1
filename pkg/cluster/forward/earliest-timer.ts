// SPDX-License-Identifier: Apache-2.0

import type { Clock, Timer } from "../../base/mod.ts";

/** The shortest time between two looks: it bounds how late something is seen to be due, and what looking costs. */
const LOOK_EVERY_MS = 5;

/**
 * One timer for many things that are due at different times, of which most are over long before. It keeps no list: when
 * the earliest of them would be due, `look` goes through all that there are.
 */
export class EarliestTimer {
  readonly #clock: Clock;
  readonly #look: (nowMs: number, lateMs: number) => number;
  #dueMs = Number.POSITIVE_INFINITY;
  #timer: Timer | undefined;

  /**
   * @param look handles what is due and gives the time at which the next of the others is, infinity if there is none.
   * `lateMs` says how much later than planned it is called, because the process stood still.
   */
  constructor(clock: Clock, look: (nowMs: number, lateMs: number) => number) {
    this.#clock = clock;
    this.#look = look;
  }

  /** Something is due at this monotonic time. */
  at(dueMs: number): void {
    if (dueMs >= this.#dueMs) return;
    this.#timer?.cancel();
    this.#dueMs = dueMs;
    this.#timer = this.#clock.schedule(dueMs - this.#clock.monotonicMs(), () => this.#fire());
  }

  clear(): void {
    this.#timer?.cancel();
    this.#dueMs = Number.POSITIVE_INFINITY;
  }

  #fire(): void {
    // Timers may fire a fraction of a millisecond early.
    const nowMs = this.#clock.monotonicMs() + 0.5;
    const lateMs = nowMs - this.#dueMs;
    this.#dueMs = Number.POSITIVE_INFINITY;
    const nextMs = this.#look(nowMs, lateMs);
    if (nextMs < Number.POSITIVE_INFINITY) this.at(Math.max(nextMs, nowMs + LOOK_EVERY_MS));
  }
}
