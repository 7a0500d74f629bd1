// SPDX-License-Identifier: Apache-2.0

import { isReservedName, Status, StatusError } from "../grpc/mod.ts";
import type { ServerCall } from "../grpc/mod.ts";
import type { Metadata, MetadataEntry } from "../protocol/mod.ts";

const NAME = /^[0-9a-z_.-]+$/;
const TEXT = /^[\x20-\x7e]*$/;

/** What a proxy on the way may have left, and what HTTP says about the body as it came: not for user functions. */
const NOT_PASSED = new Set([
  "content-encoding",
  "expect",
  "proxy-authorization",
  "proxy-authenticate",
  "sec-websocket-extensions",
  "sec-websocket-key",
  "sec-websocket-version",
]);

/**
 * The headers of a request, in order, as the metadata that an action gets: names in lower case, values as text, those
 * of names that end in `-bin` as bytes. Left out is what belongs to one connection, to HTTP's framing or to gRPC.
 *
 * @param raw flat list of names and values
 */
export function requestMetadata(raw: readonly string[]): Metadata {
  const metadata: MetadataEntry[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const key = (raw[i] ?? "").toLowerCase();
    const value = raw[i + 1] ?? "";
    if (!isPassed(key)) continue;
    if (!key.endsWith("-bin")) metadata.push({ key, value: value.trim() });
    // Several values of a name may have been joined on the way.
    else
      for (const part of value.split(",")) metadata.push({ key, value: Buffer.from(part.trim(), "base64") });
  }
  return metadata;
}

/** The same of a call of gRPC or gRPC-Web, with the time that its caller gave, as it was sent. */
export function callMetadata({ headers, rawHeaders }: ServerCall): Metadata {
  const metadata = requestMetadata(rawHeaders);
  const timeout = headers["grpc-timeout"];
  return typeof timeout === "string" ? [...metadata, { key: "grpc-timeout", value: timeout }] : metadata;
}

/**
 * Begins the key of an entry that goes out behind the reply, as gRPC's trailers do. Cloudstate's protocol has no other
 * place for it, and no header can have such a name.
 */
const TRAILER_PREFIX = "trailer:";

/**
 * The metadata of a reply that go out over gRPC before it, in order: only names and values that gRPC carries and a user
 * function may set.
 */
export function replyMetadata(metadata: Metadata): Metadata {
  return metadata.flatMap(({ key, value }) => carried(key, value));
}

/** The same for what goes out behind the reply. */
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

/** Why a request's metadata are refused. */
export type RequestMetadataErrorCode = "BAD_IDEMPOTENCY_KEY";

/**
 * The header by which a command that is sent again is known to be the same one (I7); over gRPC it is metadata.
 *
 * @throws StatusError `BAD_IDEMPOTENCY_KEY` if it is empty or too long: a key that were passed over would promise too much.
 */
export function idempotencyKey(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  maxLength: number,
): string | undefined {
  const header = headers["idempotency-key"];
  if (typeof header !== "string") return undefined;
  // Of HTTP/2 it comes with the blanks at its edges; they are no part of it (RFC 9110, 5.5).
  const key = header.trim();
  if (key.length > 0 && key.length <= maxLength) return key;
  const code: RequestMetadataErrorCode = "BAD_IDEMPOTENCY_KEY";
  const text = `idempotency-key has ${key.length} characters; from 1 to ${maxLength} are allowed`;
  throw new StatusError(Status.INVALID_ARGUMENT, code, text);
}
