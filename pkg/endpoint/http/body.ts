// SPDX-License-Identifier: Apache-2.0

import type { Readable } from "node:stream";

import { ExpiryQueue } from "../../base/mod.ts";
import type { Clock } from "../../base/mod.ts";
import { HttpError } from "./http-error.ts";

/** How much of bodies may be in memory (I11). */
export interface BodyLimits {
  /** One body, in bytes. */
  readonly maxRequestBytes: number;
  /** All bodies that are being read, in bytes. */
  readonly maxBufferedBytes: number;
  /** How long a body may take, in milliseconds. */
  readonly requestTimeoutMs: number;
}

/** Reads request bodies within the limits. One for a port. */
export class BodyReader {
  readonly #limits: BodyLimits;
  readonly #expiry: ExpiryQueue<() => void>;
  #bufferedBytes = 0;

  constructor(limits: BodyLimits, clock: Clock) {
    this.#limits = limits;
    this.#expiry = new ExpiryQueue(clock, limits.requestTimeoutMs, (expire) => expire());
  }

  /** Bytes of bodies that have arrived in part. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** Refuses a body by its announced length, before any of it is read. */
  checkLength(contentLength: string | undefined): void {
    if (contentLength !== undefined && Number(contentLength) > this.#limits.maxRequestBytes)
      throw this.#tooLarge();
  }

  /**
   * The whole body. A refused body is left unread beyond the limit; whoever owns the connection discards the rest.
   *
   * @throws HttpError REQUEST_TOO_LARGE, REQUEST_TIMEOUT, ENDPOINT_OVERLOADED, or MALFORMED_REQUEST if the caller went away.
   */
  read(source: Readable): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let bytes = 0;

      const finish = (): void => {
        source.off("data", onData).off("end", onEnd).off("error", onGone).off("close", onGone);
        this.#expiry.forget(onExpired);
        this.#bufferedBytes -= bytes;
      };
      const fail = (error: HttpError): void => {
        finish();
        reject(error);
      };
      const onData = (chunk: Buffer): void => {
        bytes += chunk.length;
        this.#bufferedBytes += chunk.length;
        if (bytes > this.#limits.maxRequestBytes) return fail(this.#tooLarge());
        if (this.#bufferedBytes > this.#limits.maxBufferedBytes) return fail(this.#overloaded());
        chunks.push(chunk);
      };
      const onEnd = (): void => {
        finish();
        resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, bytes));
      };
      const onExpired = (): void => fail(new HttpError("REQUEST_TIMEOUT", "the body did not arrive in time"));
      const onGone = (): void => fail(new HttpError("MALFORMED_REQUEST", "the body broke off"));

      this.#expiry.touch(onExpired);
      source.on("data", onData).on("end", onEnd).on("error", onGone).on("close", onGone);
    });
  }

  #tooLarge(): HttpError {
    const { maxRequestBytes } = this.#limits;
    return new HttpError("REQUEST_TOO_LARGE", `the body is larger than ${maxRequestBytes} bytes`);
  }

  #overloaded(): HttpError {
    return new HttpError("ENDPOINT_OVERLOADED", "too many bytes of request bodies are under way; try again");
  }
}
