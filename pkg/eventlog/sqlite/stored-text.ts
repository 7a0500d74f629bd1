// SPDX-License-Identifier: Apache-2.0

import { Buffer } from "node:buffer";

/**
 * Any string as a value that SQLite keeps apart from every other: text goes as UTF-8, and what UTF-8 cannot hold (a
 * lone half of a surrogate pair would become U+FFFD, and so equal to another) goes as a blob of its code units. A
 * text and a blob are never equal in SQLite.
 */
export function toStored(text: string): string | Uint8Array {
  return text.isWellFormed() ? text : Buffer.from(text, "utf16le");
}

export function fromStored(value: unknown): string {
  return typeof value === "string" ? value : Buffer.from(value as Uint8Array).toString("utf16le");
}
