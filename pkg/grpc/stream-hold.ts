// SPDX-License-Identifier: Apache-2.0

import { Readable } from "node:stream";

import type { Charge } from "../base/mod.ts";

import { bufferFull, tooManyPieces } from "./grpc-error.ts";
import { MessageScan } from "./message-scan.ts";
import type { PieceMeter } from "./small-pieces.ts";
import type { StatusError } from "./status.ts";

const HOLD = Symbol("hold");

interface HeldStream extends Readable {
  [HOLD]?: StreamHold | undefined;
}

/** The buffer gets this much memory first, and then four times what it has, but at most a window more. */
const FIRST_BYTES = 1_024;
const GROWTH = 4;
const MAX_GROWTH_BYTES = 65_536;

const NOTHING = Buffer.alloc(0);

/** What Node calls for each piece of data of a stream, and with `null` at its end. */
const { push } = Readable.prototype;

/**
 * Keeps what arrives on a stream that nobody reads. Node would keep each piece as it came: an object of more than a
 * hundred bytes, and a view of up to 64 KiB that were read from the socket with it. A window of 65,535 bytes, sent in
 * frames of one byte, would take 8 MB.
 *
 * 1. What arrives while the stream is held is in one buffer, whose memory is taken from the charge (I11).
 * 2. Holding does not give the sender more window, or read more from its socket, except that Node gives back what it
 *    had kept before `beginUnread`, once.
 * 3. After `end` the stream gives out the same bytes in the same order.
 * 4. What arrives is counted as pieces, with the messages that they complete. With too many small ones it is refused.
 */
export class StreamHold {
  readonly #stream: HeldStream;
  readonly #charge: Charge;
  readonly #pieces: PieceMeter | undefined;
  readonly #onRefused: (error: StatusError) => void;
  /** Undefined if it is not known where messages begin. Then no piece completes one. */
  #scan: MessageScan | undefined;
  #isHeld = false;
  #buffer = NOTHING;
  #filled = 0;
  /** What Node had already kept, which was taken too. */
  #earlier = 0;

  /**
   * @param onRefused is called if what has arrived is refused (`RECEIVE_BUFFER_FULL`, `TOO_MANY_PIECES`); it must call
   * `drop`.
   */
  constructor(
    stream: Readable,
    charge: Charge,
    pieces: PieceMeter | undefined,
    onRefused: (error: StatusError) => void,
  ) {
    this.#stream = stream;
    this.#charge = charge;
    this.#pieces = pieces;
    this.#onRefused = onRefused;
  }

  /** For a stream that is being read: Node has given out all that has come. */
  begin(scan: MessageScan | undefined): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    this.#scan = scan;
    this.#stream[HOLD] = this;
    this.#stream.push = pushHeld;
  }

  /** For a stream without listeners, which may have come with its first data. */
  beginUnread(): void {
    const { readableLength } = this.#stream;
    this.begin(readableLength === 0 ? new MessageScan() : undefined);
    if (readableLength === 0) return;
    // Overdrawn, because it is there, and at most what was read from the socket at once.
    this.#charge.overdraw(readableLength);
    this.#earlier = readableLength;
    if (readableLength === 1) return;
    // Makes one piece of many. One byte stays, because Node takes a stream without data for one that was read.
    const pieces = this.#stream.read(readableLength - 1) as Buffer | null;
    if (pieces !== null) this.#stream.unshift(pieces);
  }

  /** Hands what was kept to the stream, which emits it when it is read. */
  end(): void {
    if (!this.#isHeld) return;
    this.#handOver();
    this.#letGo();
  }

  /** Forgets what was kept, when nobody will read it. */
  drop(): void {
    if (this.#isHeld) this.#letGo();
  }

  /** Node's `push`: false stops it from reading. */
  keep(piece: Buffer | null): boolean {
    if (piece === null) {
      // Node itself has to know of the end. What it gets stays taken until the stream may give it out.
      this.#handOver();
      return this.#stream.push(null);
    }
    const needed = this.#filled + piece.length;
    if (this.#pieces?.takePieces(1, piece.length, this.#scan?.read(piece) ?? 0) === false) {
      this.#onRefused(tooManyPieces());
      this.#stream.push = dropPiece(this.#pieces);
      return false;
    }
    if (needed > this.#buffer.length && !this.#grow(needed)) {
      this.#onRefused(bufferFull());
      return this.#stream.push(piece);
    }
    this.#buffer.set(piece, this.#filled);
    this.#filled = needed;
    return false;
  }

  #grow(needed: number): boolean {
    const old = this.#buffer;
    const size = Math.max(FIRST_BYTES, needed, Math.min(old.length * GROWTH, old.length + MAX_GROWTH_BYTES));
    if (!this.#charge.take(size - old.length)) return false;
    // Not from Node's pool, of which it would keep a whole block.
    this.#buffer = Buffer.allocUnsafeSlow(size);
    this.#buffer.set(old.subarray(0, this.#filled));
    return true;
  }

  #handOver(): void {
    this.#stream.push = push;
    if (this.#filled > 0) this.#stream.push(this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }

  #letGo(): void {
    this.#isHeld = false;
    this.#stream[HOLD] = undefined;
    this.#stream.push = push;
    this.#charge.give(this.#buffer.length + this.#earlier);
    this.#earlier = 0;
    this.#buffer = NOTHING;
    this.#filled = 0;
  }
}

/** A `push` that keeps nothing: what still comes of a request that was refused for its pieces is only counted. */
function dropPiece(pieces: PieceMeter): Readable["push"] {
  return function (this: Readable, piece: Buffer | null) {
    if (piece === null) return push.call(this, piece);
    pieces.takePieces(1, piece.length, 0);
    return false;
  };
}

function pushHeld(this: HeldStream, piece: Buffer | null): boolean {
  return this[HOLD]?.keep(piece) ?? push.call(this, piece);
}
