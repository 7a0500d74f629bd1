// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from "node:crypto";

/**
 * Identifies a write: which open log wrote the message, and the number of the write. No two writes have the same
 * mark.
 */
export interface Mark {
  /** 64 bits by chance for each open log. */
  readonly author: bigint;
  /** 1, 2, 3 and so on, below 2^48. */
  readonly count: number;
}

/**
 * Gives each write of one open log its mark, so that the log recognises its own messages, whatever the bytes are
 * (I5).
 */
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
