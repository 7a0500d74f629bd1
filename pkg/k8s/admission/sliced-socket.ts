// SPDX-License-Identifier: Apache-2.0

import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** The head of a request of the API server has about this size. */
const SLICE_BYTES = 1_024;

/** For a body whose length is known, because the HTTP parser does no work for each of its bytes. */
const BODY_SLICE_BYTES = 65_536;

/** Waits for the turn of one read of the socket, then calls `read`, which returns whether it has read. */
export type ReadTurn = (read: () => boolean) => void;

/**
 * A socket that gives received bytes to its reader in slices, and that can be stopped between two slices. Node's HTTP
 * parser always parses all bytes that it gets. For 64 KiB with 10,000 chunks of one byte, or with 2,000 requests, that
 * takes 50 ms, in which no other connection is served, and makes megabytes of objects, even if the first request was
 * already refused.
 *
 * Reads take turns, because otherwise dozens of senders of large bodies would make the event loop decrypt megabytes
 * before it serves other connections.
 */
export class SlicedSocket extends Duplex {
  /** Whether the next bytes belong to a body whose length is known. */
  isInBody = false;
  readonly #socket: Socket;
  readonly #turn: ReadTurn;
  #arrived: Buffer[] = [];
  #isWanted = false;
  #isStopped = false;

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

  /** As in `net.Socket`. The HTTP server bounds by it how long no byte may be read or written. */
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
    const size = this.isInBody ? BODY_SLICE_BYTES : SLICE_BYTES;
    if (chunk.length > size) this.#arrived[0] = chunk.subarray(size);
    else this.#arrived.shift();
    this.#isWanted = false;
    this.push(chunk.subarray(0, size));
  }
}
