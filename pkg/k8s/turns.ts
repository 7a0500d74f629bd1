// SPDX-License-Identifier: Apache-2.0

/**
 * Orders pieces of work on the one thread there is, so that one sender does not delay the others.
 *
 * 1. One piece is done in each turn of the event loop, so that bytes and handshakes of others are taken in between.
 * 2. Senders are served round-robin: one that waits with a hundred pieces delays another with one piece by one piece.
 *
 * How many wait is bounded by the callers: a connection waits for one turn at a time.
 */
export class Turns {
  /** By sender; the first entry is served next, and moves to the end if it has more. */
  readonly #waiting = new Map<string, (() => void)[]>();
  #isRunning = false;

  /** Settles when it is the turn of `sender`. The work is what the caller does then, up to its next wait. */
  take(sender: string): Promise<void> {
    return new Promise((resolve) => {
      const line = this.#waiting.get(sender);
      if (line === undefined) this.#waiting.set(sender, [resolve]);
      else line.push(resolve);
      if (this.#isRunning) return;
      this.#isRunning = true;
      setImmediate(() => this.#next());
    });
  }

  #next(): void {
    for (const [sender, [first, ...others]] of this.#waiting) {
      this.#waiting.delete(sender);
      if (others.length > 0) this.#waiting.set(sender, others);
      first?.();
      break;
    }
    this.#isRunning = this.#waiting.size > 0;
    if (this.#isRunning) setImmediate(() => this.#next());
  }
}
