// SPDX-License-Identifier: Apache-2.0

import type { Charge } from "../base/mod.ts";
import type { ServerCall, StatusError } from "../grpc/mod.ts";
import { isReservedName, Status } from "../grpc/mod.ts";
import type { Metadata, MetadataEntry } from "../protocol/mod.ts";

import { endpointError } from "./endpoint-error.ts";

const NAME = /^[0-9a-z_.-]+$/;
const TEXT = /^[\x20-\x7e]*$/;

/** Headers that user functions do not get: of a proxy on the way, of the body as it was sent, of a handshake. */
const NOT_PASSED = new Set([
  "content-encoding",
  "expect",
  "proxy-authorization",
  "proxy-authenticate",
  "sec-websocket-extensions",
  "sec-websocket-key",
  "sec-websocket-version",
]);

/** Values that the metadata of one request may have. */
const MAX_VALUES = 1_000;

/** What a value of bytes takes in memory, however short it is. A text is also in the headers, where it is counted. */
const BYTES_VALUE_BYTES = 256;

/**
 * The headers of a request, in order, as the metadata that an action gets: names in lower case, values as text, but
 * as bytes if the name ends in `-bin`. Headers that belong to one connection, to HTTP's framing or to gRPC are left
 * out.
 *
 * @param raw flat list of names and values
 * @param bytes is charged for values of bytes, of which a header with commas has many.
 * @throws StatusError `METADATA_TOO_LARGE`, `RECEIVE_BUFFER_FULL`
 */
export function requestMetadata(raw: readonly string[], bytes: Pick<Charge, "take">): Metadata {
  const metadata: MetadataEntry[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const key = (raw[i] ?? "").toLowerCase();
    const value = raw[i + 1] ?? "";
    if (!isPassed(key)) continue;
    if (key.endsWith("-bin")) metadata.push(...bytesEntries(key, value, bytes));
    else metadata.push({ key, value: value.trim() });
    if (metadata.length > MAX_VALUES) throw tooLarge();
  }
  return metadata;
}

/** The values of a header of bytes, of which several may have been joined on the way. */
function bytesEntries(key: string, text: string, bytes: Pick<Charge, "take">): MetadataEntry[] {
  const parts = text.split(",", MAX_VALUES + 1);
  if (parts.length > MAX_VALUES) throw tooLarge();
  if (!bytes.take(parts.length * BYTES_VALUE_BYTES)) {
    const why = "too many bytes of metadata wait, of all callers or of this one; try again later";
    throw endpointError(Status.RESOURCE_EXHAUSTED, "RECEIVE_BUFFER_FULL", why);
  }
  return parts.map((part) => ({ key, value: Buffer.from(part.trim(), "base64") }));
}

function tooLarge(): StatusError {
  const text = `the metadata has more values than the ${MAX_VALUES} that an action may get`;
  return endpointError(Status.RESOURCE_EXHAUSTED, "METADATA_TOO_LARGE", text);
}

/** The same for a call of gRPC or gRPC-Web, with the time-out that its caller sent (`grpc-timeout`), as text. */
export function callMetadata({ headers, rawHeaders, bytes }: ServerCall): Metadata {
  const metadata = requestMetadata(rawHeaders, bytes);
  const timeout = headers["grpc-timeout"];
  return typeof timeout === "string" ? [...metadata, { key: "grpc-timeout", value: timeout }] : metadata;
}

/**
 * Prefix of the key of an entry that is sent after the reply, as gRPC's trailers are. It is part of the key because
 * Cloudstate's protocol has no other place for it. No header can have such a name.
 */
const TRAILER_PREFIX = "trailer:";

/** The metadata of a reply that gRPC sends before it: what gRPC carries and a user function may set, in order. */
export function replyMetadata(metadata: Metadata): Metadata {
  return metadata.flatMap(({ key, value }) => carried(key, value));
}

/** The same for the metadata that gRPC sends after the reply. */
export function replyTrailers(metadata: Metadata): Metadata {
  return metadata.flatMap(({ key, value }) =>
    key.toLowerCase().startsWith(TRAILER_PREFIX) ? carried(key.slice(TRAILER_PREFIX.length), value) : [],
  );
}

function carried(key: string, value: MetadataEntry["value"]): MetadataEntry[] {
  const name = key.toLowerCase();
  const isBytes = typeof value !== "string";
  if (!NAME.test(name) || name.startsWith("grpc-") || !isPassed(name)) return [];
  if (isBytes !== name.endsWith("-bin") || (!isBytes && !TEXT.test(value))) return [];
  return [{ key: name, value }];
}

/**
 * The metadata of a reply as headers of HTTP, in order, as a flat list of names and values: entries with text only, as
 * Cloudstate does, and only names and values that a header may have and a user function may set.
 */
export function replyHeaders(metadata: Metadata): string[] {
  const headers: string[] = [];
  for (const { key, value } of metadata) {
    const name = key.toLowerCase();
    if (typeof value !== "string" || name.endsWith("-bin")) continue;
    if (NAME.test(name) && TEXT.test(value) && isPassed(name)) headers.push(name, value.trim());
  }
  return headers;
}

function isPassed(name: string): boolean {
  return !isReservedName(name) && !NOT_PASSED.has(name);
}

/**
 * The idempotency key of a request: a header by which a command that is sent again is known to be the same (I7).
 *
 * @throws StatusError `BAD_IDEMPOTENCY_KEY` if it is empty or too long. Such a key is not ignored, because its caller
 * relies on it.
 */
export function idempotencyKey(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  maxLength: number,
): string | undefined {
  const header = headers["idempotency-key"];
  if (typeof header !== "string") return undefined;
  // Over HTTP/2 the value comes with the blanks at its edges, which are not part of it (RFC 9110, 5.5).
  const key = header.trim();
  if (key.length > 0 && key.length <= maxLength) return key;
  const text = `idempotency-key has ${key.length} characters; from 1 to ${maxLength} are allowed`;
  throw endpointError(Status.INVALID_ARGUMENT, "BAD_IDEMPOTENCY_KEY", text);
}
