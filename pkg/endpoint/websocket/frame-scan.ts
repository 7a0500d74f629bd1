// SPDX-License-Identifier: Apache-2.0

const FINAL = 0x80;
const OPCODE = 0x0f;
const FIRST_CONTROL_OPCODE = 8;
const MASKED = 0x80;
const MASK_BYTES = 4;
const LENGTH = 0x7f;
const SHORT_HEAD_BYTES = 2;

/** Bytes of the length that follows the short head, by what stands there in place of a length (RFC 6455, 5.2). */
const LONG_LENGTHS: Readonly<Record<number, number>> = { 126: 2, 127: 8 };

/**
 * Counts the frames that arrive on a WebSocket, by their heads, and keeps nothing of them. It checks nothing, because
 * `ws` does: what it says after a malformed frame means nothing.
 */
export class FrameScan {
  /** Frames that have come of a message whose last frame has not. */
  fragments = 0;
  /** Those of them, and of messages that have become whole, that the last chunk has completed. */
  newFragments = 0;
  /** Frames that the last chunk has completed. */
  newFrames = 0;
  /** Messages that the last chunk has completed. */
  newMessages = 0;
  /** Whether there was a moment in the last chunk, or at one of its edges, when nothing was incomplete. */
  wasIdle = true;
  /** Position in the frame's head; at the end of the head while the payload arrives. */
  #headAt = 0;
  #headBytes = SHORT_HEAD_BYTES;
  #lengthEnd = SHORT_HEAD_BYTES;
  #first = 0;
  /** Bytes of the payload that are to come. */
  #payload = 0;

  /** Whether nothing is incomplete. */
  get isIdle(): boolean {
    return this.#headAt === 0 && this.fragments === 0;
  }

  /** Reads the next bytes. */
  read(chunk: Uint8Array): void {
    this.newFragments = 0;
    this.newFrames = 0;
    this.newMessages = 0;
    this.wasIdle = this.isIdle;
    let at = 0;
    while (at < chunk.length) {
      if (this.#headAt < this.#headBytes) {
        this.#readHead(chunk[at] ?? 0);
        at++;
      } else {
        const length = Math.min(this.#payload, chunk.length - at);
        this.#payload -= length;
        at += length;
      }
      if (this.#headAt === this.#headBytes && this.#payload === 0) this.#endFrame();
    }
  }

  #readHead(byte: number): void {
    const at = this.#headAt++;
    if (at === 0) {
      this.#first = byte;
    } else if (at === 1) {
      const length = byte & LENGTH;
      const longBytes = LONG_LENGTHS[length] ?? 0;
      this.#payload = longBytes === 0 ? length : 0;
      this.#lengthEnd = SHORT_HEAD_BYTES + longBytes;
      this.#headBytes = this.#lengthEnd + ((byte & MASKED) === 0 ? 0 : MASK_BYTES);
    } else if (at < this.#lengthEnd) {
      this.#payload = this.#payload * 256 + byte;
    }
  }

  #endFrame(): void {
    this.#headAt = 0;
    this.#headBytes = SHORT_HEAD_BYTES;
    this.newFrames++;
    if ((this.#first & OPCODE) < FIRST_CONTROL_OPCODE) {
      if ((this.#first & FINAL) === 0) {
        this.fragments++;
        this.newFragments++;
      } else {
        this.fragments = 0;
        this.newMessages++;
      }
    }
    if (this.fragments === 0) this.wasIdle = true;
  }
}
