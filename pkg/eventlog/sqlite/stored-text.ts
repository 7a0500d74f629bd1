// SPDX-License-Identifier: Apache-2.0

import { Buffer } from "node:buffer";

/**
 * Encodes any string as a SQLite value, so that different strings stay different. Well-formed text is stored as
 * UTF-8. UTF-8 cannot hold a lone half of a surrogate pair: it would become U+FFFD, and the string could equal
 * another one. Such a string is stored as a blob of its code units. A text and a blob are never equal in SQLite.
 */
export function toStored(text: string): string | Uint8Array {
  return text.isWellFormed() ? text : Buffer.from(text, "utf16le");
}

export function fromStored(value: unknown): string {
  return typeof value === "string" ? value : Buffer.from(value as Uint8Array).toString("utf16le");
}
