// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "./clock.ts";
import { ExpiryList, ExpiryPlace } from "./expiry-list.ts";

/** An `ExpiryList` for members that do not keep their places, because they come and go seldom. */
export class ExpiryQueue<T> {
  readonly #list: ExpiryList<T>;
  readonly #places = new Map<T, ExpiryPlace<T>>();

  constructor(clock: Clock, timeoutMs: number, onExpired: (member: T) => void) {
    this.#list = new ExpiryList(clock, timeoutMs, (member) => {
      this.#places.delete(member);
      onExpired(member);
    });
  }

  get size(): number {
    return this.#places.size;
  }

  /** The member that was touched longest ago. */
  get oldest(): T | undefined {
    return this.#list.oldest;
  }

  /** Adds the member, or starts its time anew. */
  touch(member: T): void {
    let place = this.#places.get(member);
    if (place === undefined) {
      place = new ExpiryPlace(member);
      this.#places.set(member, place);
    }
    this.#list.touch(place);
  }

  forget(member: T): void {
    const place = this.#places.get(member);
    if (place === undefined) return;
    this.#places.delete(member);
    this.#list.forget(place);
  }

  /** Forgets all members and stops the timer. */
  clear(): void {
    this.#places.clear();
    this.#list.clear();
  }
}
