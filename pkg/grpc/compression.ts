// SPDX-License-Identifier: Apache-2.0

import { createGunzip, createInflate, gzip } from "node:zlib";

import type { Charge } from "../base/mod.ts";

import type { GrpcError } from "./grpc-error.ts";
import { bufferFull, grpcError } from "./grpc-error.ts";
import { Status } from "./status.ts";

/** How messages may be packed, that is compressed (grpc/grpc `doc/compression.md`). */
export type Encoding = "identity" | "gzip" | "deflate";

/** The encodings that both sides read, as the value of `grpc-accept-encoding`. */
export const ACCEPTED_ENCODINGS = "identity,deflate,gzip";

/** The encoding of a `grpc-encoding` field, or undefined if it is not known here. */
export function parseEncoding(value: string | undefined): Encoding | undefined {
  if (value === undefined) return "identity";
  return value === "identity" || value === "gzip" || value === "deflate" ? value : undefined;
}

/** What unpacking takes beside the message: the window of 32 KiB, one chunk of output, and zlib's own state. */
const UNPACKER_BYTES = 65_536;

/**
 * Unpacks a message to at most `maxBytes`, because a small packed message may become a huge one (I11). Memory is
 * taken from the charge before it is used. On success, the bytes of the unpacked message stay taken.
 *
 * @throws GrpcError `BAD_COMPRESSION`, `MESSAGE_TOO_LARGE` or `RECEIVE_BUFFER_FULL`.
 */
export function decompress(
  bytes: Uint8Array,
  encoding: Encoding,
  maxBytes: number,
  charge: Charge,
): Promise<Buffer> {
  if (encoding === "identity") {
    const text = "a message is marked as compressed, but no compression is named";
    return Promise.reject(grpcError(Status.INTERNAL, "BAD_COMPRESSION", text));
  }
  if (!charge.take(UNPACKER_BYTES)) return Promise.reject(bufferFull());
  return new Promise((resolve, reject) => {
    const unpacker = encoding === "gzip" ? createGunzip() : createInflate();
    const chunks: Buffer[] = [];
    let size = 0;
    let isOver = false;
    const fail = (error: GrpcError): void => {
      if (isOver) return;
      isOver = true;
      unpacker.destroy();
      charge.give(size + UNPACKER_BYTES);
      reject(error);
    };
    unpacker.on("data", (chunk: Buffer) => {
      if (isOver) return;
      if (size + chunk.length > maxBytes) return fail(tooLarge(maxBytes));
      if (!charge.take(chunk.length)) return fail(bufferFull());
      size += chunk.length;
      chunks.push(chunk);
    });
    unpacker.on("end", () => {
      isOver = true;
      charge.give(UNPACKER_BYTES);
      resolve(Buffer.concat(chunks, size));
    });
    unpacker.on("error", (error) => {
      fail(grpcError(Status.INTERNAL, "BAD_COMPRESSION", `a message is not ${encoding}`, error));
    });
    unpacker.end(bytes);
  });
}

function tooLarge(maxBytes: number): GrpcError {
  const text = `a message is larger than the ${maxBytes} bytes that are taken when it is unpacked`;
  return grpcError(Status.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE", text);
}

/** Packs a message with gzip. */
export function compress(bytes: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    // Level 1, because the time of a caller costs more than a few bytes.
    gzip(bytes, { level: 1 }, (error, packed) => {
      if (error === null) resolve(packed);
      else reject(grpcError(Status.INTERNAL, "BAD_COMPRESSION", "a message cannot be compressed", error));
    });
  });
}
