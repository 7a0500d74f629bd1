// SPDX-License-Identifier: Apache-2.0

import type { Part } from "./frames.ts";

/** A message in a larger buffer than this, in bytes beyond its own, is copied out of it, because it may wait long. */
export const MAX_BESIDES_BYTES = 1_024;

/**
 * Hands over the pieces of a message, in order, each with at most `maxBytes`. A message that needs no second one is
 * handed over as it is, without a `Part`. The pieces are views of the message.
 */
export function sendInParts(
  message: Uint8Array,
  maxBytes: number,
  send: (piece: Uint8Array, part: Part | undefined) => void,
): void {
  const totalBytes = message.length;
  if (totalBytes <= maxBytes) return send(message, undefined);
  for (let index = 0, at = 0; at < totalBytes; index++, at += maxBytes)
    send(message.subarray(at, at + maxBytes), { index, totalBytes });
}

/**
 * Puts one message together again. NATS keeps the order of what one connection sends to another, so a part with
 * another number than the next one means that parts were lost; the message can then never become whole.
 *
 * The memory of the whole message is taken with its first part.
 */
export class Assembly {
  readonly #bytes: Uint8Array;
  #filled = 0;
  #nextIndex = 0;

  constructor(totalBytes: number) {
    this.#bytes = new Uint8Array(totalBytes);
  }

  /** Gives the message when this part makes it whole, `more` before that, and `broken` if this part does not fit. */
  add({ index, totalBytes }: Part, piece: Uint8Array): Uint8Array | "more" | "broken" {
    const fits = this.#filled + piece.length <= this.#bytes.length && piece.length > 0;
    if (index !== this.#nextIndex || totalBytes !== this.#bytes.length || !fits) return "broken";
    this.#bytes.set(piece, this.#filled);
    this.#filled += piece.length;
    this.#nextIndex++;
    return this.#filled === this.#bytes.length ? this.#bytes : "more";
  }
}
