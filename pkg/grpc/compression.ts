// SPDX-License-Identifier: Apache-2.0

import { gunzip, gzip, inflate } from "node:zlib";

import { grpcError } from "./grpc-error.ts";
import { Status } from "./status.ts";
import type { StatusError } from "./status.ts";

/** How messages may be packed (grpc/grpc `doc/compression.md`). */
export type Encoding = "identity" | "gzip" | "deflate";

/** The encodings that both sides read, as the value of `grpc-accept-encoding`. */
export const ACCEPTED_ENCODINGS = "identity,deflate,gzip";

/** The encoding of a `grpc-encoding` field, or undefined if it is not known here. */
export function parseEncoding(value: string | undefined): Encoding | undefined {
  switch (value) {
    case undefined:
    case "identity":
      return "identity";
    case "gzip":
    case "deflate":
      return value;
    default:
      return undefined;
  }
}

/** Whether a `grpc-accept-encoding` names gzip. */
export function acceptsGzip(value: string | undefined): boolean {
  return value?.split(",").some((name) => name.trim() === "gzip") ?? false;
}

/**
 * Unpacks a message to at most `maxBytes` (I11: a small message may claim to be a huge one).
 *
 * @throws StatusError `BAD_COMPRESSION` or `MESSAGE_TOO_LARGE`.
 */
export function decompress(bytes: Uint8Array, encoding: Encoding, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    if (encoding === "identity") {
      const text = "a message is marked as compressed, but no compression is named";
      reject(grpcError(Status.INTERNAL, "BAD_COMPRESSION", text));
      return;
    }
    const unpack = encoding === "gzip" ? gunzip : inflate;
    unpack(bytes, { maxOutputLength: Math.max(maxBytes, 1) }, (error, unpacked) => {
      if (error === null) resolve(unpacked);
      else reject(unpackError(error, encoding, maxBytes));
    });
  });
}

/** Packs a message with gzip. */
export function compress(bytes: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    // Level 1: the time of a caller is dearer than a few bytes.
    gzip(bytes, { level: 1 }, (error, packed) => {
      if (error === null) resolve(packed);
      else reject(grpcError(Status.INTERNAL, "BAD_COMPRESSION", "a message cannot be compressed", error));
    });
  });
}

function unpackError(error: Error, encoding: Encoding, maxBytes: number): StatusError {
  if ("code" in error && error.code === "ERR_BUFFER_TOO_LARGE") {
    const text = `a message is larger than the ${maxBytes} bytes that are taken when it is unpacked`;
    return grpcError(Status.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE", text, error);
  }
  return grpcError(Status.INTERNAL, "BAD_COMPRESSION", `a message is not ${encoding}`, error);
}
