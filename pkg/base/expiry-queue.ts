// SPDX-License-Identifier: Apache-2.0

import type { Clock, Timer } from "./clock.ts";

/**
 * Timeouts of one length for many members, with one timer for all. For ten thousand idle entities or open commands,
 * because a timer for each would cost more than the work.
 *
 * 1. A member expires once, `timeoutMs` after it was last touched, and is forgotten then.
 * 2. All members share one length, so the order of touching is the order of expiry (a `Map` keeps it).
 * 3. At most one timer is pending; it is set for the oldest member and may find that there is nothing to do.
 */
export class ExpiryQueue<T> {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #onExpired: (member: T) => void;
  readonly #touchedMs = new Map<T, number>();
  #timer: Timer | undefined;

  constructor(clock: Clock, timeoutMs: number, onExpired: (member: T) => void) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#onExpired = onExpired;
  }

  get size(): number {
    return this.#touchedMs.size;
  }

  /** The member that was touched longest ago. */
  get oldest(): T | undefined {
    return this.#touchedMs.keys().next().value;
  }

  /** Adds the member, or starts its time anew. */
  touch(member: T): void {
    this.#touchedMs.delete(member);
    this.#touchedMs.set(member, this.#clock.monotonicMs());
    this.#timer ??= this.#clock.schedule(this.#timeoutMs, () => this.#expire());
  }

  forget(member: T): void {
    this.#touchedMs.delete(member);
  }

  /** Forgets all members and stops the timer. */
  clear(): void {
    this.#touchedMs.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #expire(): void {
    const nowMs = this.#clock.monotonicMs();
    try {
      for (const [member, touchedMs] of this.#touchedMs) {
        // Timers may fire a fraction of a millisecond early.
        if (touchedMs + this.#timeoutMs - nowMs > 0.5) return;
        this.#touchedMs.delete(member);
        this.#onExpired(member);
      }
    } finally {
      this.#restart();
    }
  }

  /** Sets the timer for the oldest member again, because `onExpired` may have touched, forgotten, cleared or thrown. */
  #restart(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const [oldestMs] = this.#touchedMs.values();
    if (oldestMs === undefined) return;
    const leftMs = oldestMs + this.#timeoutMs - this.#clock.monotonicMs();
    this.#timer = this.#clock.schedule(leftMs, () => this.#expire());
  }
}
