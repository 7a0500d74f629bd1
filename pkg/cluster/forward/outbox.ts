// SPDX-License-Identifier: Apache-2.0

/**
 * Sends together what is to be sent in one turn of the event loop. NATS's client writes to its socket whenever the
 * microtasks pause that published something, and with many calls under way that is once for each message: such writes
 * would cost more than all the rest of a call.
 */
export class Outbox {
  #waiting: (() => void)[] = [];

  /** Calls `send`, which must not throw, at the end of this turn of the event loop. */
  add(send: () => void): void {
    this.#waiting.push(send);
    if (this.#waiting.length === 1) setImmediate(() => this.flush());
  }

  /** Sends what waits now. */
  flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const send of waiting) send();
  }
}
