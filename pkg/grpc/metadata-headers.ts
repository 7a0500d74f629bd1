// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders } from "node:http2";

import { grpcError } from "./grpc-error.ts";
import type { MetadataValue } from "./metadata.ts";
import { isReservedName, Metadata } from "./metadata.ts";
import { Status, StatusError } from "./status.ts";

/** Most metadata that is sent with one call in each direction, in bytes as HTTP/2 counts a header list. */
export const DEFAULT_MAX_METADATA_BYTES = 16_384;

/** What HTTP/2 adds for each field when it counts (RFC 9113, 6.5.2). */
const FIELD_OVERHEAD_BYTES = 32;

/**
 * Appends metadata to a flat list of header names and values. Texts lose the blanks at their edges, because readers
 * that are strict about RFC 9113, 8.2.1 would drop the whole field. gRPC allows everybody to strip such blanks.
 *
 * @throws StatusError `METADATA_TOO_LARGE`
 */
export function appendMetadata(headers: string[], metadata: Metadata, maxBytes: number): void {
  let bytes = 0;
  for (const [name, value] of metadata) {
    const text = typeof value === "string" ? value.trim() : encodeBinary(value);
    bytes += name.length + text.length + FIELD_OVERHEAD_BYTES;
    headers.push(name, text);
  }
  if (bytes > maxBytes) {
    const text = `metadata of ${bytes} bytes is larger than the ${maxBytes} that may be sent`;
    throw grpcError(Status.RESOURCE_EXHAUSTED, "METADATA_TOO_LARGE", text);
  }
}

/** Reads metadata from a flat list of header names and values. Fields that cannot be metadata are left out. */
export function readMetadata(raw: readonly string[]): Metadata {
  const metadata = new Metadata();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? "";
    const text = String(raw[i + 1]);
    if (isReservedName(name)) continue;
    if (name.endsWith("-bin")) {
      // Several values of a name may have been joined by commas on the way.
      for (const part of text.split(",")) tryAdd(metadata, name, Buffer.from(part.trim(), "base64"));
    } else {
      tryAdd(metadata, name, text.trim());
    }
  }
  return metadata;
}

/** Converts headers that exist only as an object to a flat list of names and values. */
export function flattenHeaders(headers: IncomingHttpHeaders): string[] {
  const raw: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (Array.isArray(value)) for (const one of value) raw.push(name, one);
    else if (value !== undefined) raw.push(name, value);
  }
  return raw;
}

function tryAdd(metadata: Metadata, name: string, value: MetadataValue): void {
  try {
    metadata.add(name, value);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
  }
}

function encodeBinary(value: Uint8Array): string {
  const base64 = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  const padding = base64.indexOf("=");
  return padding < 0 ? base64 : base64.slice(0, padding);
}
