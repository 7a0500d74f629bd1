// SPDX-License-Identifier: Apache-2.0

import type { Readable } from "node:stream";

import type { Charge, Clock } from "../../base/mod.ts";
import { ExpiryList, ExpiryPlace } from "../../base/mod.ts";

import type { EndpointOptions } from "../options.ts";
import { HttpError, overloaded } from "./http-error.ts";

/** Bounds of a body (I11). */
export type BodyLimits = Pick<EndpointOptions, "maxRequestBytes" | "requestTimeoutMs">;

/**
 * A chunk of this size fills at least half of the buffer for one read of a socket, so more data is there already.
 * libuv would then read 2 MiB of this connection before it reads the next one. Connections with such chunks take
 * turns instead.
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
   * @throws HttpError REQUEST_TOO_LARGE, REQUEST_TIMEOUT, ENDPOINT_OVERLOADED, or MALFORMED_REQUEST if the caller
   * went away.
   */
  read(source: Readable, charge: Charge): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      let isFinished = false;

      const finish = (): void => {
        isFinished = true;
        source.off("data", onData).off("end", onEnd).off("error", onGone).off("close", onGone);
        this.#expiry.forget(expiry);
      };
      const fail = (error: HttpError): void => {
        finish();
        charge.give(bytes);
        reject(error);
      };
      const onData = (chunk: Buffer): void => {
        if (bytes + chunk.length > this.#limits.maxRequestBytes) return fail(this.#tooLarge());
        if (!charge.take(chunk.length)) return fail(overloaded());
        bytes += chunk.length;
        chunks.push(chunk);
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
        resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, bytes));
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
