// SPDX-License-Identifier: Apache-2.0

/**
 * Who does the next piece of work on the one thread there is.
 *
 * 1. One piece is done in each turn of the event loop, so that bytes and handshakes of others come in between.
 * 2. Those who wait are served in turn, one piece each: who has sent a hundred does not delay who has sent one by more than
 *    one piece.
 *
 * What waits is bounded by those who call: each waits for one turn at a time.
 */
export class Turns {
  /** First in, first served, and to the end of the line with who has more. */
  readonly #waiting = new Map<string, (() => void)[]>();
  #isRunning = false;

  /** Settles when it is the turn of `who`. The work is what the caller does then, up to its next wait. */
  take(who: string): Promise<void> {
    return new Promise((resolve) => {
      const line = this.#waiting.get(who);
      if (line === undefined) this.#waiting.set(who, [resolve]);
      else line.push(resolve);
      if (this.#isRunning) return;
      this.#isRunning = true;
      setImmediate(() => this.#next());
    });
  }

  #next(): void {
    for (const [who, [first, ...others]] of this.#waiting) {
      this.#waiting.delete(who);
      if (others.length > 0) this.#waiting.set(who, others);
      first?.();
      break;
    }
    this.#isRunning = this.#waiting.size > 0;
    if (this.#isRunning) setImmediate(() => this.#next());
  }
}
