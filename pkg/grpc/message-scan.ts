// SPDX-License-Identifier: Apache-2.0

/** Length of the prefix of each message: one byte of flags, four bytes of length. */
export const PREFIX_BYTES = 5;

/** Counts the messages in bytes that are kept as they came. It checks nothing, because who reads the bytes does. */
export class MessageScan {
  /** Bytes of the prefix that have come. */
  #prefixAt = 0;
  #length = 0;
  /** Bytes of the message that are to come. */
  #rest: number;

  /** @param rest bytes to the end of the message that has begun; by default none has. */
  constructor(rest = 0) {
    this.#rest = rest;
  }

  /** Reads the next bytes. Returns how many messages they complete. */
  read(bytes: Uint8Array): number {
    let messages = 0;
    let at = 0;
    while (at < bytes.length) {
      if (this.#rest > 0) {
        const length = Math.min(this.#rest, bytes.length - at);
        this.#rest -= length;
        at += length;
        if (this.#rest === 0) messages++;
      } else if (this.#readPrefix(bytes[at++] ?? 0)) {
        messages++;
      }
    }
    return messages;
  }

  /** True: it completes a message, which is empty. */
  #readPrefix(byte: number): boolean {
    // The flags are shifted out by the four bytes that follow.
    this.#length = (this.#length * 256 + byte) % 2 ** 32;
    if (++this.#prefixAt < PREFIX_BYTES) return false;
    this.#prefixAt = 0;
    this.#rest = this.#length;
    this.#length = 0;
    return this.#rest === 0;
  }
}
