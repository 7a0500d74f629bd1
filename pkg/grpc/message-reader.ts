// SPDX-License-Identifier: Apache-2.0

import type { Charge } from "../base/mod.ts";

import type { Encoding } from "./compression.ts";
import { decompress } from "./compression.ts";
import { FrameDecoder } from "./framing.ts";
import { bufferFull, grpcError } from "./grpc-error.ts";
import { Status, StatusError } from "./status.ts";

/** The receiver of a stream's messages. None of these methods may throw. */
export interface MessageSink {
  /** The message's bytes are taken from the reader's charge; the sink gives them back when it is done with them. */
  onMessage(bytes: Uint8Array): void;
  /** No further message will come; called once, after the last one. */
  onLastMessage(): void;
  /** The received bytes cannot be read. Called at most once; nothing is called after it. */
  onUnreadable(error: StatusError): void;
}

/**
 * What a peer may send ahead on one stream, in bytes: HTTP/2's own default. A stream that is not read holds up to
 * this much. The window must be small, because Node does not hold back the connection as a whole.
 */
export const STREAM_WINDOW_BYTES = 65_535;

/** A source that can be paused. */
export interface PausableSource {
  pause(): unknown;
  resume(): unknown;
}

/**
 * Turns the data of a stream into messages.
 *
 * 1. Messages come out whole and in order, also when some of them take time to unpack.
 * 2. While a message is being unpacked, or the owner has paused, nothing comes out and the stream is not read, so that
 *    flow control holds the sender.
 * 3. After `stop` or an unreadable message, nothing comes out, and the reader gives nothing more back: the owner
 *    closes the charge.
 * 4. While the owner has paused the reader, the window of its stream is taken from the charge (I11).
 */
export class MessageReader {
  readonly #stream: PausableSource;
  readonly #sink: MessageSink;
  readonly #encoding: Encoding;
  readonly #maxBytes: number;
  readonly #charge: Charge;
  readonly #frames: FrameDecoder;
  #paused = false;
  #unpacking = false;
  #ended = false;
  #stopped = false;

  constructor(
    stream: PausableSource,
    sink: MessageSink,
    encoding: Encoding,
    maxBytes: number,
    charge: Charge,
  ) {
    this.#stream = stream;
    this.#sink = sink;
    this.#encoding = encoding;
    this.#maxBytes = maxBytes;
    this.#charge = charge;
    this.#frames = new FrameDecoder(maxBytes, charge);
  }

  /** Every byte has come, and every message has been or will be given out. */
  get complete(): boolean {
    return this.#ended;
  }

  push(chunk: Buffer): void {
    if (this.#stopped) return;
    this.#frames.push(chunk);
    this.#pump();
  }

  /** The stream has ended. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#pump();
  }

  pause(): void {
    if (this.#stopped || this.#paused) return;
    if (!this.#charge.take(STREAM_WINDOW_BYTES)) return this.#fail(bufferFull());
    this.#paused = true;
    this.#stream.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.#stopped) this.#charge.give(STREAM_WINDOW_BYTES);
    this.#proceed();
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#frames.drop();
    // A stream that holds unread data never closes.
    if (this.#paused || this.#unpacking) this.#stream.resume();
  }

  #pump(): void {
    while (!this.#stopped && !this.#paused && !this.#unpacking) {
      const message = this.#next();
      if (message === undefined) {
        if (this.#ended && !this.#stopped) this.#finish();
        return;
      }
      if (this.#frames.compressed) this.#unpack(message);
      else this.#sink.onMessage(message);
    }
  }

  #next(): Uint8Array | undefined {
    try {
      return this.#frames.next();
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      this.#fail(error);
      return undefined;
    }
  }

  #unpack(message: Uint8Array): void {
    this.#unpacking = true;
    this.#stream.pause();
    decompress(message, this.#encoding, this.#maxBytes, this.#charge).then(
      (unpacked) => {
        this.#unpacking = false;
        if (this.#stopped) return;
        this.#charge.give(message.length);
        this.#sink.onMessage(unpacked);
        this.#proceed();
      },
      (error: StatusError) => this.#fail(error),
    );
  }

  #proceed(): void {
    this.#pump();
    if (!this.#stopped && !this.#paused && !this.#unpacking) this.#stream.resume();
  }

  #finish(): void {
    const { atBoundary } = this.#frames;
    if (!atBoundary) {
      this.#fail(grpcError(Status.INTERNAL, "BAD_FRAME", "the stream ended in the middle of a message"));
      return;
    }
    this.stop();
    this.#sink.onLastMessage();
  }

  #fail(error: StatusError): void {
    if (this.#stopped) return;
    this.stop();
    this.#sink.onUnreadable(error);
  }
}
