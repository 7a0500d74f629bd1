// SPDX-License-Identifier: Apache-2.0

/** Longest text that travels, in characters: with its escapes it stays below what peers take as headers (8 KiB). */
const MAX_CHARS = 1_024;

/** A text that needs no encoding: printable ASCII without the percent sign, and without blanks at its edges. */
const PLAIN = /^(?:[\x21-\x24\x26-\x7e](?:[\x20-\x24\x26-\x7e]*[\x21-\x24\x26-\x7e])?)?$/;

const BLANK = 0x20;

/**
 * A text as the value of `grpc-message`: percent-encoded UTF-8, cut if it is too long (grpc/grpc
 * `doc/PROTOCOL-HTTP2.md`). A blank at an edge is encoded too, because readers of HTTP strip it, or drop the whole
 * field (RFC 9113, 8.2.1).
 */
export function encodeStatusMessage(text: string): string {
  const short = text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS - 1)}…` : text;
  if (PLAIN.test(short)) return short;
  let encoded = "";
  const bytes = Buffer.from(short, "utf8");
  const last = bytes.length - 1;
  for (const [index, byte] of bytes.entries()) {
    const atEdge = index === 0 || index === last;
    const plain = byte >= (atEdge ? BLANK + 1 : BLANK) && byte <= 0x7e && byte !== 0x25;
    encoded += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

/** The text of a `grpc-message`. Broken escapes stay as they are: a text is never lost over its encoding. */
export function decodeStatusMessage(value: string): string {
  if (!value.includes("%")) return value;
  const bytes: number[] = [];
  for (let i = 0; i < value.length; i++) {
    const hex = value[i] === "%" ? value.slice(i + 1, i + 3) : "";
    if (/^[0-9a-fA-F]{2}$/.test(hex)) {
      bytes.push(Number.parseInt(hex, 16));
      i += 2;
    } else {
      bytes.push(value.charCodeAt(i) & 0xff);
    }
  }
  return Buffer.from(bytes).toString("utf8");
}
