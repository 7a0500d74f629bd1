// SPDX-License-Identifier: Apache-2.0

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";

/** Longer tokens are hashed. With it a subject stays far below the 4,096 bytes of the server's control line. */
const MAX_TOKEN_LENGTH = 200;

/**
 * Encodes any string as one token of a subject; different strings get different tokens. Letters, digits, `_` and `-`
 * stand for themselves; every other byte of UTF-8 is `=HH`. Three forms begin with characters that no `=HH` begins
 * with: `=-` is the empty string, `=U` and hexadecimal digits are the code units of a text that UTF-8 cannot hold,
 * `=S` and digits are the SHA-256 of the code units of a text that is too long. The last form cannot be decoded, so
 * the message then contains the key.
 */
export function toToken(text: string): string {
  const token = encode(text);
  if (token.length <= MAX_TOKEN_LENGTH) return token;
  return `=S${createHash("sha256").update(Buffer.from(text, "utf16le")).digest("hex")}`;
}

/** Decodes a token. `undefined` for a hashed token (of a text that is too long) and for a token that is not valid. */
export function fromToken(token: string): string | undefined {
  if (token === "=-") return "";
  if (isHashed(token)) return undefined;
  if (token.startsWith("=U")) return Buffer.from(token.slice(2), "hex").toString("utf16le");
  try {
    return decodeURIComponent(token.replaceAll("=", "%"));
  } catch {
    return undefined;
  }
}

export function isHashed(token: string): boolean {
  return token.startsWith("=S");
}

/** The last token of the subject of an event or a snapshot: the id. */
export function idTokenOf(subject: string): string {
  return subject.slice(subject.lastIndexOf(".") + 1);
}

/** The token before it: the type. */
export function typeTokenOf(subject: string): string {
  return subject.split(".").at(-2) ?? "";
}

function encode(text: string): string {
  if (text === "") return "=-";
  if (/^[A-Za-z0-9_-]+$/.test(text)) return text;
  if (!text.isWellFormed()) return `=U${Buffer.from(text, "utf16le").toString("hex")}`;
  return Buffer.from(text, "utf8")
    .toString("latin1")
    .replaceAll(
      /[^A-Za-z0-9_-]/g,
      (byte) => `=${byte.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`,
    );
}
