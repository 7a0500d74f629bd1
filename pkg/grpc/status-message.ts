// SPDX-License-Identifier: Apache-2.0

/** Longest text that travels, in characters: with its escapes it stays below what peers take as headers (8 KiB). */
const MAX_CHARS = 1_024;

/** A text that needs no encoding: printable ASCII without the percent sign, and without blanks at its edges. */
const PLAIN = /^(?:[\x21-\x24\x26-\x7e](?:[\x20-\x24\x26-\x7e]*[\x21-\x24\x26-\x7e])?)?$/;

/** The bytes that are encoded, with each as one character. */
const ENCODED = /^ | $|[^\x20-\x24\x26-\x7e]/g;

/**
 * A text as the value of `grpc-message`: percent-encoded UTF-8, cut if it is too long (grpc/grpc
 * `doc/PROTOCOL-HTTP2.md`). A blank at an edge is encoded too, because readers of HTTP strip it, or drop the whole
 * field (RFC 9113, 8.2.1).
 */
export function encodeStatusMessage(text: string): string {
  const short = text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS - 1)}…` : text;
  if (PLAIN.test(short)) return short;
  const bytes = Buffer.from(short, "utf8").toString("latin1");
  return bytes.replace(ENCODED, (byte) => `%${Buffer.from(byte, "latin1").toString("hex").toUpperCase()}`);
}

/** The text of a `grpc-message`. Broken escapes stay as they are: a text is never lost over its encoding. */
export function decodeStatusMessage(value: string): string {
  if (!value.includes("%")) return value;
  const bytes = value.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, "latin1").toString("utf8");
}
