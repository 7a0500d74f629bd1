// SPDX-License-Identifier: Apache-2.0

import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** A request of the API server has about this much before its body. */
const SLICE_BYTES = 1_024;

/** Of a body whose length is known: nothing in it makes work for each byte. */
const BODY_SLICE_BYTES = 65_536;

/** Asks for one read of the socket; `read` is called when it may be made, and says whether it was. */
export type ReadTurn = (read: () => boolean) => void;

/**
 * A socket that gives what has come in to its reader in slices, and can be stopped between two of them. Node's HTTP parser
 * takes whatever it is given to its end: of 64 KiB that are 10,000 chunks of one byte, or 2,000 requests, that is 50 ms in
 * which nothing else is answered, and megabytes of objects, even if it was clear from the first one that none is wanted.
 * And it reads in turn, because dozens of senders of large bodies would have the loop decrypt megabytes before it comes to
 * anybody else.
 */
export class SlicedSocket extends Duplex {
  readonly #socket: Socket;
  readonly #turn: ReadTurn;
  #arrived: Buffer[] = [];
  #isWanted = false;
  #isStopped = false;
  #sliceBytes = SLICE_BYTES;

  constructor(socket: Socket, turn: ReadTurn) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    this.#turn = turn;
    socket.on("data", (chunk: Buffer) => {
      if (this.#isStopped) return;
      this.#arrived.push(chunk);
      socket.pause();
      this.#give();
    });
    socket.once("end", () => void this.push(null));
    socket.once("error", (error) => void this.destroy(error));
    socket.once("close", () => void this.destroy());
    socket.on("timeout", () => this.emit("timeout"));
  }

  /** As `net.Socket` has it; the HTTP server bounds by it how long nothing may move. */
  setTimeout(ms: number): this {
    this.#socket.setTimeout(ms);
    return this;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Reads no more. What is written still goes out. */
  stop(): void {
    this.#isStopped = true;
    this.#arrived = [];
    this.#socket.pause();
  }

  /** Whether a body whose length is known is what comes next. */
  set isInBody(isInBody: boolean) {
    this.#sliceBytes = isInBody ? BODY_SLICE_BYTES : SLICE_BYTES;
  }

  override _read(): void {
    this.#isWanted = true;
    this.#give();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#arrived = [];
    this.#socket.destroy();
    done(error);
  }

  readonly #readMore = (): boolean => {
    if (this.#isStopped || this.destroyed) return false;
    this.#socket.resume();
    return true;
  };

  #give(): void {
    const [chunk] = this.#arrived;
    if (!this.#isWanted || this.#isStopped || this.destroyed) return;
    if (chunk === undefined) {
      this.#turn(this.#readMore);
      return;
    }
    const size = this.#sliceBytes;
    if (chunk.length > size) this.#arrived[0] = chunk.subarray(size);
    else this.#arrived.shift();
    this.#isWanted = false;
    this.push(chunk.subarray(0, size));
  }
}
