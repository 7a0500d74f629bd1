// SPDX-License-Identifier: Apache-2.0

import type { Writable } from "node:stream";

import { compress } from "./compression.ts";
import { encodePrefix, encodeSmallFrame } from "./framing.ts";
import { grpcError } from "./grpc-error.ts";
import { Status, StatusError } from "./status.ts";

/** Most bytes that wait to be sent on one stream if nothing else is said. */
export const DEFAULT_MAX_SEND_BUFFER_BYTES = 33_554_432;

/** Writes a message with its prefix. */
export type WriteMessage = (stream: Writable, message: Uint8Array, compressed: boolean) => boolean;

/**
 * Writes messages to a stream.
 *
 * 1. Messages leave whole and in the order of `send`, also when some of them take time to pack; the end comes last.
 * 2. A large message is not copied: its bytes belong to the writer from `send` on.
 * 3. What waits is bounded (I11): a `send` over the bound is refused and nothing of it is written.
 */
export class MessageWriter {
  readonly #stream: Writable;
  readonly #maxBufferBytes: number;
  readonly #compressAboveBytes: number;
  readonly #write: WriteMessage;
  /** Settles when everything that is being packed has been written; undefined if nothing is. */
  #packing: Promise<void> | undefined;
  #packingBytes = 0;

  /**
   * Messages longer than `compressAboveBytes` are packed with gzip, which the headers must have announced.
   *
   * @param write writes one message with its prefix; false if the next one should wait for `drain`
   */
  constructor(
    stream: Writable,
    maxBufferBytes: number,
    compressAboveBytes = Number.POSITIVE_INFINITY,
    write: WriteMessage = writeMessage,
  ) {
    this.#stream = stream;
    this.#maxBufferBytes = maxBufferBytes;
    this.#compressAboveBytes = compressAboveBytes;
    this.#write = write;
  }

  /** Bytes that wait to be sent. */
  get bufferedBytes(): number {
    return this.#stream.writableLength + this.#packingBytes;
  }

  /** Sends a message. False: the next one should wait for `drain`. @throws StatusError `SEND_BUFFER_FULL` */
  send(message: Uint8Array): boolean {
    if (this.#stream.writableNeedDrain && this.bufferedBytes + message.length > this.#maxBufferBytes) {
      const text = `more than ${this.#maxBufferBytes} bytes wait to be sent; the reader is too slow`;
      throw grpcError(Status.RESOURCE_EXHAUSTED, "SEND_BUFFER_FULL", text);
    }
    if (this.#packing !== undefined || message.length > this.#compressAboveBytes) {
      this.#pack(message);
      return this.bufferedBytes < this.#stream.writableHighWaterMark;
    }
    return this.#write(this.#stream, message, false);
  }

  /** Sends a last message and the end of the stream in one go. */
  sendLast(message: Uint8Array): void {
    if (this.#packing === undefined && message.length <= this.#compressAboveBytes) {
      const frame = encodeSmallFrame(message, false);
      if (frame !== undefined) return void this.#stream.end(frame);
    }
    this.send(message);
    this.end();
  }

  /** Ends the stream after all messages that were sent, and after `last`. */
  end(last?: string | Uint8Array): void {
    if (this.#packing === undefined) this.#stream.end(last);
    else this.#whenPacked(() => void this.#stream.end(last));
  }

  #pack(message: Uint8Array): void {
    this.#packingBytes += message.length;
    const packed = message.length > this.#compressAboveBytes ? compress(message) : undefined;
    this.#whenPacked(async () => {
      try {
        const bytes = await packed;
        if (writable(this.#stream)) this.#write(this.#stream, bytes ?? message, bytes !== undefined);
      } finally {
        this.#packingBytes -= message.length;
      }
    });
  }

  #whenPacked(action: () => void | Promise<void>): void {
    const previous = this.#packing ?? Promise.resolve();
    const packing = previous.then(action).catch((error: unknown) => {
      this.#stream.destroy(error instanceof StatusError ? error : undefined);
    });
    this.#packing = packing;
    void packing.then(() => {
      if (this.#packing === packing) this.#packing = undefined;
    });
  }
}

/** Whether anything can still be written. */
export function writable(stream: Writable): boolean {
  return !stream.destroyed && !stream.closed && !stream.writableEnded;
}

function writeMessage(stream: Writable, message: Uint8Array, compressed: boolean): boolean {
  const frame = encodeSmallFrame(message, compressed);
  if (frame !== undefined) return stream.write(frame);
  stream.cork();
  stream.write(encodePrefix(message.length, compressed));
  const room = stream.write(message);
  stream.uncork();
  return room;
}
