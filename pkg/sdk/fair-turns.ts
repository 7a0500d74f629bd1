// SPDX-License-Identifier: Apache-2.0

import { performance } from "node:perf_hooks";

/** How long streams may run in one turn of the event loop before other work gets its turn, in milliseconds. */
const MAX_HELD_MS = 5;

/** How many waiting streams are resumed in each turn of the event loop. */
const RESUMED_IN_TURN = 8;

/**
 * Shares the event loop between streams and everything else. A handler that yields answers without waiting for anything
 * would block the event loop until the flow-control window of its caller is full. Hundreds of such streams that begin
 * together would block it for seconds, in which no command of an entity is answered.
 *
 * 1. A stream calls `next` before each answer. It may answer at once, until in this turn of the event loop all
 *    streams together have taken `MAX_HELD_MS`.
 * 2. From then on streams wait in line, and each turn of the loop resumes the first `RESUMED_IN_TURN` of them.
 */
export class FairTurns {
  /** Milliseconds. Not a `Clock` of `pkg/base`, because the SDK is a package of its own and cannot import it. */
  readonly #nowMs: () => number;
  readonly #waiting: (() => void)[] = [];
  /** When the first stream ran in this turn; undefined before that. */
  #startedMs: number | undefined;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Settles when the stream may make its next answer; undefined if it may at once. */
  next(): Promise<void> | undefined {
    const startedMs = this.#startedMs ?? this.#begin();
    if (this.#waiting.length === 0 && this.#nowMs() - startedMs < MAX_HELD_MS) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #begin(): number {
    setImmediate(this.#endTurn);
    return (this.#startedMs = this.#nowMs());
  }

  readonly #endTurn = (): void => {
    this.#startedMs = undefined;
    if (this.#waiting.length === 0) return;
    this.#begin();
    for (const resume of this.#waiting.splice(0, RESUMED_IN_TURN)) resume();
  };
}
