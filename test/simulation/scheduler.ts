// SPDX-License-Identifier: Apache-2.0

interface Planned {
  readonly atMs: number;
  readonly order: number;
  readonly action: () => void;
}

/** Runs actions in virtual time, one after the other. A binary heap, because a run has thousands of them. */
export class Scheduler {
  readonly #heap: Planned[] = [];
  #order = 0;
  #nowMs = 0;
  #steps = 0;

  /** Milliseconds of virtual time, which no part of a proxy can see. */
  get nowMs(): number {
    return this.#nowMs;
  }

  get steps(): number {
    return this.#steps;
  }

  after(delayMs: number, action: () => void): void {
    const heap = this.#heap;
    const planned = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, action };
    let at = heap.length;
    heap.push(planned);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(planned, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = planned;
  }

  /** Runs the next action. False: there is none, or it is due after `untilMs`. */
  step(untilMs: number): boolean {
    const first = this.#heap[0];
    if (first === undefined || first.atMs > untilMs) return false;
    this.#removeFirst();
    this.#nowMs = first.atMs;
    this.#steps++;
    first.action();
    return true;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(one: Planned, other: Planned): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
