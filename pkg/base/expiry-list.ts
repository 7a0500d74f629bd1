// SPDX-License-Identifier: Apache-2.0

import type { Clock, Timer } from "./clock.ts";

/** A member's place in an `ExpiryList`. The member keeps it, for as long as it may come into the list. */
export class ExpiryPlace<T> {
  readonly member: T;
  /** When it was last touched, in monotonic milliseconds; undefined: it is not in a list. */
  touchedMs: number | undefined;
  before: ExpiryPlace<T> | undefined;
  after: ExpiryPlace<T> | undefined;

  constructor(member: T) {
    this.member = member;
  }
}

/**
 * Timeouts of one length for many members, with one timer for all. For ten thousand idle entities or open commands,
 * because a timer for each would cost more than the work.
 *
 * 1. A member expires once, `timeoutMs` after it was last touched, and is forgotten then.
 * 2. All members share one length, so the order of touching is the order of expiry.
 * 3. At most one timer is pending; it is set for the oldest member and may find that there is nothing to do.
 * 4. A place is in one list at a time. It refers to no other place when it has left the list.
 *
 * The members are chained by their places, and not kept in a `Map`, because every command comes and goes. A `Map` takes
 * new memory again and again for that, and what it gives up still refers to the members it had: if that has reached the
 * old generation, they stay in memory until the old generation is collected.
 */
export class ExpiryList<T> {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #onExpired: (member: T) => void;
  #first: ExpiryPlace<T> | undefined;
  #last: ExpiryPlace<T> | undefined;
  #timer: Timer | undefined;

  constructor(clock: Clock, timeoutMs: number, onExpired: (member: T) => void) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#onExpired = onExpired;
  }

  /** The member that was touched longest ago. */
  get oldest(): T | undefined {
    return this.#first?.member;
  }

  /** Adds the member, or starts its time anew. */
  touch(place: ExpiryPlace<T>): void {
    this.forget(place);
    place.touchedMs = this.#clock.monotonicMs();
    place.before = this.#last;
    if (this.#last === undefined) this.#first = place;
    else this.#last.after = place;
    this.#last = place;
    this.#timer ??= this.#clock.schedule(this.#timeoutMs, () => this.#expire());
  }

  /** Does nothing if the member is not in the list. It must not be in another one. */
  forget(place: ExpiryPlace<T>): void {
    if (place.touchedMs === undefined) return;
    const { before, after } = place;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    place.touchedMs = undefined;
    place.before = undefined;
    place.after = undefined;
  }

  /** Forgets all members and stops the timer. */
  clear(): void {
    for (let place = this.#first; place !== undefined; place = this.#first) this.forget(place);
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #expire(): void {
    const nowMs = this.#clock.monotonicMs();
    try {
      for (let place = this.#first; place !== undefined; place = this.#first) {
        // Timers may fire a fraction of a millisecond early.
        if ((place.touchedMs ?? nowMs) + this.#timeoutMs - nowMs > 0.5) return;
        this.forget(place);
        this.#onExpired(place.member);
      }
    } finally {
      this.#restart();
    }
  }

  /** Sets the timer for the oldest member again, because `onExpired` may have touched, forgotten, cleared or thrown. */
  #restart(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const oldestMs = this.#first?.touchedMs;
    if (oldestMs === undefined) return;
    const leftMs = oldestMs + this.#timeoutMs - this.#clock.monotonicMs();
    this.#timer = this.#clock.schedule(leftMs, () => this.#expire());
  }
}
