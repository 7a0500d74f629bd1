// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from "node:crypto";

/** Identifies a write: the open log that made it, and its number there. No two writes have the same mark. */
export interface Mark {
  /** 64 bits by chance for each open log. */
  readonly author: bigint;
  /** 1, 2, 3 and so on, below 2^48. */
  readonly count: number;
}

/** Marks the writes of one open log, so that it recognises its own messages, whatever the bytes are (I5). */
export class Author {
  readonly #author = randomBytes(8).readBigUInt64BE();
  #count = 0;

  mark(): Mark {
    return { author: this.#author, count: ++this.#count };
  }
}

export function isSameMark(one: Mark, other: Mark): boolean {
  return one.author === other.author && one.count === other.count;
}
