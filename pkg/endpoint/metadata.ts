// SPDX-License-Identifier: Apache-2.0

import { isReservedName } from "../grpc/mod.ts";
import type { Metadata, MetadataEntry } from "../protocol/mod.ts";

const NAME = /^[0-9a-z_.-]+$/;
const TEXT = /^[\x20-\x7e]*$/;

/** What a proxy on the way may have left, and what HTTP says about the body as it came: not for user functions. */
const NOT_PASSED = new Set(["content-encoding", "expect", "proxy-authorization", "proxy-authenticate"]);

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
    if (!key.endsWith("-bin")) metadata.push({ key, value });
    // Several values of a name may have been joined on the way.
    else
      for (const part of value.split(",")) metadata.push({ key, value: Buffer.from(part.trim(), "base64") });
  }
  return metadata;
}

/**
 * The metadata of a reply as headers, in order, as a flat list of names and values: entries with text only, as
 * Cloudstate does, and only names and values that a header may have and a user function may set.
 */
export function replyHeaders(metadata: Metadata): string[] {
  const headers: string[] = [];
  for (const { key, value } of metadata) {
    const name = key.toLowerCase();
    if (typeof value !== "string" || name.endsWith("-bin")) continue;
    if (NAME.test(name) && TEXT.test(value) && isPassed(name)) headers.push(name, value);
  }
  return headers;
}

function isPassed(name: string): boolean {
  return !isReservedName(name) && !NOT_PASSED.has(name);
}

/** The header that says that a command is a repeat of another one with the same key (I7); the same over gRPC. */
export function idempotencyKey(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): string | undefined {
  const key = headers["idempotency-key"];
  return typeof key === "string" && key !== "" ? key : undefined;
}
