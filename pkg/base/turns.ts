// SPDX-License-Identifier: Apache-2.0

/** Does something, unless there is no need for it any more: then it returns false, and does not count. May not throw. */
export type Piece = () => boolean;

/**
 * Orders pieces of work on the one thread there is, so that a sender with much of it does not delay the others.
 *
 * 1. At most `maxInTurn` pieces are done in each turn of the event loop, so that bytes and handshakes of others are taken in
 *    between.
 * 2. Senders are served round-robin: one that waits with a hundred pieces delays another with one piece by one piece.
 *
 * How many wait is bounded by those who give them.
 */
export class Turns<Sender> {
  readonly #maxInTurn: number;
  /** By sender; the first entry is served next, and moves to the end if it has more. */
  readonly #waiting = new Map<Sender, Piece[]>();
  /** Pieces of this turn. */
  #done = 0;
  #endsLater = false;

  constructor(maxInTurn: number) {
    this.#maxInTurn = maxInTurn;
  }

  /** Whether a piece may be done at once, which counts then; if not it has to `wait`. */
  begin(): boolean {
    if (this.#done >= this.#maxInTurn || this.#waiting.size > 0) return false;
    this.#done++;
    this.#endLater();
    return true;
  }

  /** Does the piece when it is the turn of its sender: not before the next turn of the loop. */
  wait(sender: Sender, piece: Piece): void {
    const line = this.#waiting.get(sender);
    if (line === undefined) this.#waiting.set(sender, [piece]);
    else line.push(piece);
    this.#endLater();
  }

  /** Settles when it is the turn of `sender`. The piece is what the caller does then, up to its next wait. */
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
      if (this.#done === this.#maxInTurn) break;
      this.#waiting.delete(sender);
      if (doFirst(line)) this.#done++;
      // Behind the others, which this loop comes to before it comes to this one again.
      if (line.length > 0) this.#waiting.set(sender, line);
    }
    if (this.#done > 0) this.#endLater();
  };
}

/** Does the first piece of a line that there still is a need for. */
function doFirst(line: Piece[]): boolean {
  for (let piece = line.shift(); piece !== undefined; piece = line.shift()) if (piece()) return true;
  return false;
}
