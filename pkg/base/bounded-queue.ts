// SPDX-License-Identifier: Apache-2.0

/**
 * A first-in-first-out queue with a bound (I11). It is a ring buffer that grows by doubling, so that an idle owner of
 * thousands of these pays for only one small array each.
 */
export class BoundedQueue<T> {
  readonly capacity: number;
  #ring: (T | undefined)[] = [];
  #head = 0;
  #size = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get size(): number {
    return this.#size;
  }

  /** The item that `shift` would give. */
  get first(): T | undefined {
    return this.#ring[this.#head];
  }

  /** Returns false, and takes nothing, if the queue is full. */
  push(item: T): boolean {
    if (this.#size >= this.capacity) return false;
    if (this.#size === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#size) % this.#ring.length] = item;
    this.#size++;
    return true;
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.#ring.length;
    this.#size--;
    return item;
  }

  /** Takes everything out, oldest first. */
  drain(): T[] {
    const items: T[] = [];
    while (this.#size > 0) items.push(this.shift() as T);
    this.#ring = [];
    this.#head = 0;
    return items;
  }

  #grow(): void {
    const larger: (T | undefined)[] = Array.from({
      length: Math.min(Math.max(this.#ring.length * 2, 4), this.capacity),
    });
    for (let i = 0; i < this.#size; i++) larger[i] = this.#ring[(this.#head + i) % this.#ring.length];
    this.#ring = larger;
    this.#head = 0;
  }
}
