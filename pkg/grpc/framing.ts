// SPDX-License-Identifier: Apache-2.0

import type { Charge } from "../base/mod.ts";
import { ownBytes } from "../base/mod.ts";

import { bufferFull, grpcError } from "./grpc-error.ts";
import { MessageScan, PREFIX_BYTES } from "./message-scan.ts";
import { Status } from "./status.ts";

/** Default bound for a received message, in bytes. */
export const DEFAULT_MAX_RECEIVE_BYTES = 12_582_912;

/** Up to this size, copying a message after its prefix is cheaper than writing two buffers to the socket. */
const MAX_COPIED_BYTES = 16_384;

/** The prefix of a message: grpc/grpc `doc/PROTOCOL-HTTP2.md`, Length-Prefixed-Message. */
export function encodePrefix(length: number, compressed: boolean): Buffer {
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES);
  prefix[0] = compressed ? 1 : 0;
  prefix.writeUInt32BE(length, 1);
  return prefix;
}

/** A message with its prefix in one piece, or undefined if it is too large to be copied for that. */
export function encodeSmallFrame(message: Uint8Array, compressed: boolean): Buffer | undefined {
  const { length } = message;
  if (length > MAX_COPIED_BYTES) return undefined;
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + length);
  frame[0] = compressed ? 1 : 0;
  frame[1] = 0;
  frame[2] = length >>> 16;
  frame[3] = (length >>> 8) & 0xff;
  frame[4] = length & 0xff;
  frame.set(message, PREFIX_BYTES);
  return frame;
}

/**
 * A message that is a view of a larger buffer keeps the whole buffer in memory. One that would keep more than this
 * many bytes besides its own is copied instead, because only its own bytes are counted for a waiting message.
 */
export const MAX_KEPT_BYTES = 4_096;

/** A message that spans chunks gets this much memory first, and four times what it has whenever that is full. */
const FIRST_BODY_BYTES = 16_384;
const BODY_GROWTH = 4;

/**
 * Cuts a stream of chunks into messages.
 *
 * 1. The same messages come out however the bytes are cut into chunks.
 * 2. A message that lies in one chunk is a view of it, or a copy if it is a small part of a large one; a message that
 *    spans chunks is copied.
 * 3. A message over the bound is refused from its prefix: none of it is kept (I11).
 * 4. Memory grows with the bytes that have arrived, not with the length in a prefix. It is taken from the charge
 *    before it is used. `drop` gives back the memory of an incomplete message. A whole message is returned with its
 *    bytes still taken, and its receiver gives them back.
 */
export class FrameDecoder {
  /** Whether the message that `next` gave last is compressed. */
  compressed = false;

  readonly #maxBytes: number;
  readonly #charge: Charge;
  #chunk: Buffer | undefined;
  #offset = 0;
  /** Length of the message that is being read, or -1 while its prefix is. */
  #length = -1;
  /** The bytes so far of a prefix or message that spans chunks: the first `#filled` bytes. */
  #body: Buffer | undefined;
  #filled = 0;

  constructor(maxBytes: number, charge: Charge) {
    this.#maxBytes = maxBytes;
    this.#charge = charge;
  }

  /** Adds a chunk. Before that, the caller must have called `next` until it returned undefined. */
  push(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#offset = 0;
  }

  /** False: the bytes so far end in the middle of a message. */
  get atBoundary(): boolean {
    return this.#length < 0 && this.#filled === 0;
  }

  /** Counts messages in the bytes that will come next, beginning where those so far end. */
  scan(): MessageScan {
    const scan = new MessageScan(Math.max(0, this.#length - this.#filled));
    if (this.#length < 0 && this.#body !== undefined) scan.read(this.#body.subarray(0, this.#filled));
    if (this.#chunk !== undefined) scan.read(this.#chunk.subarray(this.#offset));
    return scan;
  }

  /** The next whole message, if any. @throws StatusError `MESSAGE_TOO_LARGE`, `RECEIVE_BUFFER_FULL`, `BAD_FRAME` */
  next(): Uint8Array | undefined {
    if (this.#length < 0 && !this.#beginMessage()) return undefined;
    const message = this.#take(this.#length);
    if (message === undefined) return undefined;
    this.#length = -1;
    if (!this.#charge.take(message.length)) throw bufferFull();
    return ownBytes(message, MAX_KEPT_BYTES);
  }

  /** Forgets everything, when no more will be read. */
  drop(): void {
    this.#chunk = undefined;
    this.#releaseBody();
  }

  /** Reads the next prefix. False: it has not arrived whole. */
  #beginMessage(): boolean {
    const chunk = this.#chunk;
    // Most prefixes are read where they are, because a view costs more than reading them.
    if (chunk !== undefined && this.#body === undefined && chunk.length - this.#offset > PREFIX_BYTES) {
      this.#length = this.#readPrefix(chunk, this.#offset);
      this.#offset += PREFIX_BYTES;
      return true;
    }
    const prefix = this.#take(PREFIX_BYTES);
    if (prefix === undefined) return false;
    this.#length = this.#readPrefix(prefix, 0);
    return true;
  }

  #readPrefix(bytes: Buffer, start: number): number {
    const flags = bytes[start];
    const length = bytes.readUInt32BE(start + 1);
    if (flags !== 0 && flags !== 1)
      throw grpcError(Status.INTERNAL, "BAD_FRAME", `a message has flags ${flags}`);
    if (length > this.#maxBytes) {
      const text = `a message of ${length} bytes is larger than the ${this.#maxBytes} that are taken`;
      throw grpcError(Status.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE", text);
    }
    this.compressed = flags === 1;
    return length;
  }

  /** Returns `length` bytes in one piece. Undefined if they have not all arrived; those that have are kept. */
  #take(length: number): Buffer | undefined {
    const chunk = this.#chunk;
    if (length === 0) return Buffer.alloc(0);
    if (chunk === undefined) return undefined;
    const end = Math.min(this.#offset + length - this.#filled, chunk.length);
    const piece = this.#offset === 0 && end === chunk.length ? chunk : chunk.subarray(this.#offset, end);
    this.#offset = end;
    if (end === chunk.length) this.#chunk = undefined;
    if (this.#body === undefined && piece.length === length) return piece;

    const body = this.#grow(piece.length, length);
    body.set(piece, this.#filled);
    this.#filled += piece.length;
    if (this.#filled < length) return undefined;
    this.#releaseBody();
    return body;
  }

  /** Makes room for `more` bytes after the first `#filled`; `length` is the final size. */
  #grow(more: number, length: number): Buffer {
    const needed = this.#filled + more;
    const old = this.#body;
    if (old !== undefined && old.length >= needed) return old;
    const size = Math.min(length, Math.max(FIRST_BODY_BYTES, needed, this.#filled * BODY_GROWTH));
    if (!this.#charge.take(size - (old?.length ?? 0))) throw bufferFull();
    // Not from Node's pool, because one small message would keep a whole block of the pool in memory.
    const body = Buffer.allocUnsafeSlow(size);
    this.#body = body;
    if (old !== undefined) body.set(old.subarray(0, this.#filled));
    return body;
  }

  #releaseBody(): void {
    this.#charge.give(this.#body?.length ?? 0);
    this.#body = undefined;
    this.#filled = 0;
  }
}
