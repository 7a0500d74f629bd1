// SPDX-License-Identifier: Apache-2.0

import type { Readable } from "node:stream";

import type { Charge, Clock } from "../../base/mod.ts";
import { ExpiryList, ExpiryPlace } from "../../base/mod.ts";
import type { PieceMeter } from "../../grpc/mod.ts";

import type { EndpointOptions } from "../options.ts";
import { HttpError, overloaded, tooManyPieces } from "./http-error.ts";

/** Bounds of a body (I11). */
export type BodyLimits = Pick<EndpointOptions, "maxRequestBytes" | "requestTimeoutMs">;

/**
 * A chunk of this size fills half of the buffer of a read, so more is there already, of which libuv would read 2 MiB
 * before the next connection. Connections with such chunks take turns instead.
 */
export const LARGE_CHUNK_BYTES = 32_768;

/** Reads request bodies within the limits. One for a port. */
export class BodyReader {
  readonly #limits: BodyLimits;
  readonly #expiry: ExpiryList<() => void>;

  constructor(limits: BodyLimits, clock: Clock) {
    this.#limits = limits;
    this.#expiry = new ExpiryList(clock, limits.requestTimeoutMs, (expire) => expire());
  }

  /** Refuses a body by its announced length, before any of it is read. */
  checkLength(contentLength: string | undefined): void {
    if (contentLength !== undefined && Number(contentLength) > this.#limits.maxRequestBytes)
      throw this.#tooLarge();
  }

  /**
   * Reads the whole body. Its bytes are taken from the charge as they arrive, and stay taken unless reading fails. A
   * refused body is not read beyond the limit: the owner of the connection discards the rest.
   *
   * @throws HttpError REQUEST_TOO_LARGE, REQUEST_TIMEOUT, ENDPOINT_OVERLOADED, TOO_MANY_PIECES, or MALFORMED_REQUEST if
   * the caller went away.
   */
  read(source: Readable, charge: Charge, pieces: PieceMeter): Promise<Buffer> {
    // Node ends a body that has nothing to give out even if nobody reads it.
    if (source.readableEnded) return Promise.resolve(Buffer.alloc(0));
    return new Promise((resolve, reject) => {
      const body = new GrowingBody(charge);
      let isFinished = false;

      const finish = (): void => {
        isFinished = true;
        source.off("data", onData).off("end", onEnd).off("error", onGone).off("close", onGone);
        this.#expiry.forget(expiry);
      };
      const fail = (error: HttpError): void => {
        finish();
        body.drop();
        reject(error);
      };
      const onData = (chunk: Buffer): void => {
        if (body.length + chunk.length > this.#limits.maxRequestBytes) return fail(this.#tooLarge());
        if (!pieces.takePieces(1, chunk.length, 0)) return fail(tooManyPieces());
        if (!body.add(chunk)) return fail(overloaded());
        if (chunk.length >= LARGE_CHUNK_BYTES) holdForTurn();
      };
      const holdForTurn = (): void => {
        source.pause();
        setImmediate(() => {
          if (!isFinished) source.resume();
        });
      };
      const onEnd = (): void => {
        finish();
        resolve(body.whole());
      };
      const onExpired = (): void => fail(new HttpError("REQUEST_TIMEOUT", "the body did not arrive in time"));
      const onGone = (): void => fail(new HttpError("MALFORMED_REQUEST", "the body broke off"));

      const expiry = new ExpiryPlace(onExpired);
      this.#expiry.touch(expiry);
      source.on("data", onData).on("end", onEnd).on("error", onGone).on("close", onGone);
    });
  }

  #tooLarge(): HttpError {
    const { maxRequestBytes } = this.#limits;
    return new HttpError("REQUEST_TOO_LARGE", `the body is larger than ${maxRequestBytes} bytes`);
  }
}

/** A chunk is kept as it came only if the buffer that it is a view of has at most so many bytes besides. */
const MAX_KEPT_BYTES = 4_096;

/** A further chunk below this is copied, because its object would take a good part of what its bytes take, or more. */
const SMALL_CHUNK_BYTES = 4_096;

const MIN_PAGE_BYTES = 1_024;
const MAX_PAGE_BYTES = 4_096;

/**
 * A body that arrives in chunks. A chunk may have one byte, and be a view of 64 KiB, so chunks that take much more than
 * their bytes are copied to pages: what the body takes of memory is what it takes of the charge (I11).
 */
class GrowingBody {
  readonly #charge: Charge;
  /** Chunks as they came, and pages, which are full but for the last. */
  readonly #parts: Buffer[] = [];
  /** The last part, if it is a page that is not full. */
  #page: Buffer | undefined;
  #pageUsed = 0;
  #length = 0;
  #taken = 0;

  constructor(charge: Charge) {
    this.#charge = charge;
  }

  get length(): number {
    return this.#length;
  }

  /** False: there is no memory for it. */
  add(chunk: Buffer): boolean {
    const besides = chunk.buffer.byteLength - chunk.length;
    if (besides <= MAX_KEPT_BYTES && (this.#length === 0 || chunk.length >= SMALL_CHUNK_BYTES)) {
      if (!this.#take(chunk.length)) return false;
      this.#endPage();
      this.#parts.push(chunk);
    } else {
      const copied = this.#page === undefined ? 0 : chunk.copy(this.#page, this.#pageUsed);
      this.#pageUsed += copied;
      const rest = chunk.length - copied;
      if (rest > 0) {
        const size = Math.max(rest, Math.min(Math.max(MIN_PAGE_BYTES, this.#length), MAX_PAGE_BYTES));
        if (!this.#take(size)) return false;
        this.#endPage();
        this.#page = Buffer.allocUnsafeSlow(size);
        this.#pageUsed = chunk.copy(this.#page, 0, copied);
        this.#parts.push(this.#page);
      }
    }
    this.#length += chunk.length;
    return true;
  }

  /** The whole body, for which exactly its length stays taken. */
  whole(): Buffer {
    this.#endPage();
    this.#charge.give(this.#taken - this.#length);
    return this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts, this.#length);
  }

  drop(): void {
    this.#charge.give(this.#taken);
  }

  #take(bytes: number): boolean {
    if (!this.#charge.take(bytes)) return false;
    this.#taken += bytes;
    return true;
  }

  /** Cuts what is unused off the last page. */
  #endPage(): void {
    if (this.#page === undefined) return;
    this.#parts[this.#parts.length - 1] = this.#page.subarray(0, this.#pageUsed);
    this.#page = undefined;
  }
}
