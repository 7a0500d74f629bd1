// SPDX-License-Identifier: Apache-2.0

import type { Readable } from "node:stream";

import type { Charge } from "../base/mod.ts";

import type { Encoding } from "./compression.ts";
import { decompress } from "./compression.ts";
import { FrameDecoder } from "./framing.ts";
import { bufferFull, grpcError, tooManyPieces } from "./grpc-error.ts";
import type { PieceMeter } from "./small-pieces.ts";
import { Status, StatusError } from "./status.ts";
import { StreamHold } from "./stream-hold.ts";

/** The receiver of a stream's messages. None of these methods may throw. */
export interface MessageSink {
  /** The message's bytes are taken from the reader's charge; the sink gives them back when it is done with them. */
  onMessage(bytes: Uint8Array): void;
  /** No further message will come; called once, after the last one. */
  onLastMessage(): void;
  /** The received bytes cannot be read. Called at most once; nothing is called after it. */
  breakOff(error: StatusError): void;
}

/**
 * What a peer may send ahead on one stream, in bytes: HTTP/2's own default. A stream that is not read holds up to
 * this much. The window must be small, because Node does not hold back the connection as a whole.
 */
export const STREAM_WINDOW_BYTES = 65_535;

/** The same on all streams of a connection together. */
export const CONNECTION_WINDOW_BYTES = 16_777_216;

/** Tells Node that a read is over, so that it begins the next one. */
const NOTHING = Buffer.alloc(0);

/**
 * Turns the data of a stream into messages.
 *
 * 1. Messages come out whole and in order, also when some of them take time to unpack.
 * 2. While a message is being unpacked, or the owner has paused, nothing comes out and the stream is not read, so that
 *    flow control holds the sender.
 * 3. After `stop` or an unreadable message, nothing comes out, and the reader gives nothing more back: the owner
 *    closes the charge.
 * 4. While the owner has paused the reader, the size of a window is taken from the charge (I11), for the chunk that is
 *    not yet cut into messages. What arrives meanwhile takes its own (`StreamHold`).
 * 5. What arrives is counted as pieces, also after `stop`. With too many small ones it is unreadable.
 */
export class MessageReader {
  readonly #stream: Readable;
  readonly #sink: MessageSink;
  readonly #encoding: Encoding;
  readonly #maxBytes: number;
  readonly #charge: Charge;
  readonly #pieces: PieceMeter | undefined;
  readonly #frames: FrameDecoder;
  /** Undefined until the stream is held for the first time, because most never are. */
  #hold: StreamHold | undefined;
  #paused = false;
  #unpacking = false;
  #ended = false;
  #stopped = false;
  /** Messages that have come out since the last piece was counted. */
  #messages = 0;

  /** @param pieces undefined: pieces are not counted, because the peer is not a caller. */
  constructor(
    stream: Readable,
    sink: MessageSink,
    encoding: Encoding,
    maxBytes: number,
    charge: Charge,
    pieces?: PieceMeter,
  ) {
    this.#stream = stream;
    this.#sink = sink;
    this.#encoding = encoding;
    this.#maxBytes = maxBytes;
    this.#charge = charge;
    this.#pieces = pieces;
    this.#frames = new FrameDecoder(maxBytes, charge);
  }

  /** Every byte has come, and every message has been or will be given out. */
  get complete(): boolean {
    return this.#ended;
  }

  /** Keeps what arrives on a stream that is not read yet, until `open`. */
  awaitOpen(): void {
    if (!this.#stopped) this.#holder().beginUnread();
  }

  /** Lets the stream give out what has arrived. To be called before it is read. */
  open(): void {
    this.#hold?.end();
  }

  push(chunk: Buffer): void {
    if (!this.#stopped) {
      this.#frames.push(chunk);
      this.#pump();
    }
    const messages = this.#messages;
    this.#messages = 0;
    if (this.#pieces?.takePieces(1, chunk.length, messages) === false) this.#fail(tooManyPieces());
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
    this.#holdStream();
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
    this.#hold?.drop();
    // A stream that holds unread data never closes.
    if (!this.#paused && !this.#unpacking) return;
    this.#stream.push(NOTHING);
    this.#stream.resume();
  }

  #pump(): void {
    while (!this.#stopped && !this.#paused && !this.#unpacking) {
      const message = this.#next();
      if (message === undefined) {
        if (this.#ended && !this.#stopped) this.#finish();
        return;
      }
      this.#messages++;
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
    this.#holdStream();
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
    if (this.#stopped || this.#paused || this.#unpacking) return;
    this.#hold?.end();
    this.#stream.resume();
  }

  #holdStream(): void {
    this.#holder().begin(this.#frames.scan());
    this.#stream.pause();
  }

  #holder(): StreamHold {
    const refuse = (error: StatusError): void => this.#fail(error);
    return (this.#hold ??= new StreamHold(this.#stream, this.#charge, this.#pieces, refuse));
  }

  #finish(): void {
    if (!this.#frames.atBoundary) {
      const text = "the stream ended in the middle of a message";
      return this.#fail(grpcError(Status.INTERNAL, "BAD_FRAME", text));
    }
    this.stop();
    this.#sink.onLastMessage();
  }

  #fail(error: StatusError): void {
    if (this.#stopped) return;
    this.stop();
    this.#sink.breakOff(error);
  }
}
