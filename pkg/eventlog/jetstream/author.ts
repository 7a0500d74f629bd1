// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from "node:crypto";

/** Who wrote a message, and which of its writes it was. No two writes have the same. */
export interface Mark {
  /** 64 bits by chance for each open log. */
  readonly author: bigint;
  /** 1, 2, 3 and so on, below 2^48. */
  readonly count: number;
}

/** Marks what one open log writes, so that it knows its own again, whatever the bytes are (I5). */
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
