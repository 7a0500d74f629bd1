// SPDX-License-Identifier: Apache-2.0

/**
 * A piece of work. It returns false if it was no longer needed; then it did nothing and does not count. It may not
 * throw.
 */
export type Piece = () => boolean;

interface Waiting {
  readonly piece: Piece;
  readonly weight: number;
}

/**
 * Schedules pieces of work on the event loop, so that a sender with much work does not delay the others.
 *
 * 1. At most `maxInTurn` pieces are done in each turn of the event loop, so that it handles the bytes and handshakes
 *    of other connections in between. A piece that takes longer weighs as much as several; one always fits.
 * 2. Senders are served round-robin: one that waits with a hundred pieces delays another with one piece by one piece.
 *
 * The number of waiting pieces has no bound here: the callers bound it.
 */
export class Turns<Sender> {
  readonly #maxInTurn: number;
  /** Waiting pieces by sender. The first sender is served next, and moves to the end if it has more. */
  readonly #waiting = new Map<Sender, Waiting[]>();
  /** The weight of the pieces of this turn, and at most half of `maxInTurn` of those before it. */
  #done = 0;
  #endsLater = false;

  constructor(maxInTurn: number) {
    this.#maxInTurn = maxInTurn;
  }

  /** True: the caller may do a piece at once, and it is counted. False: the piece must `wait`. */
  begin(weight = 1): boolean {
    if (this.#done >= this.#maxInTurn || this.#waiting.size > 0) return false;
    this.#done += weight;
    // The end of a turn costs the event loop one more round. While few pieces come, they go without it: they count
    // in the turns that follow too, so that fewer than `maxInTurn` may be done at once there, but at least half of it.
    if (this.#done * 2 >= this.#maxInTurn) this.#endLater();
    return true;
  }

  /** Queues a piece until the turn of its sender, not before the next turn of the event loop. */
  wait(sender: Sender, piece: Piece, weight = 1): void {
    const line = this.#waiting.get(sender);
    if (line === undefined) this.#waiting.set(sender, [{ piece, weight }]);
    else line.push({ piece, weight });
    this.#endLater();
  }

  /** Resolves when it is the turn of `sender`. The caller's work up to its next wait is then the piece. */
  take(sender: Sender): Promise<void> {
    return new Promise((resolve) =>
      this.wait(sender, () => {
        resolve();
        return true;
      }),
    );
  }

  #endLater(): void {
    if (this.#endsLater) return;
    this.#endsLater = true;
    setImmediate(this.#endTurn);
  }

  readonly #endTurn = (): void => {
    this.#endsLater = false;
    this.#done = 0;
    for (const [sender, line] of this.#waiting) {
      if (this.#done >= this.#maxInTurn) break;
      this.#waiting.delete(sender);
      this.#done += doFirst(line);
      // Adding the sender again moves it to the end of the map, so this loop serves the others first.
      if (line.length > 0) this.#waiting.set(sender, line);
    }
    if (this.#done > 0) this.#endLater();
  };
}

/** Does the first piece of a queue that is still needed, and returns its weight. 0: there was none. */
function doFirst(line: Waiting[]): number {
  for (let first = line.shift(); first !== undefined; first = line.shift())
    if (first.piece()) return first.weight;
  return 0;
}
