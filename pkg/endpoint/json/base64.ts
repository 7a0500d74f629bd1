// SPDX-License-Identifier: Apache-2.0

/**
 * Adds `Uint8Array.prototype.toBase64` (ECMAScript 2026) where this version of Node lacks it. protobuf-es uses the
 * method if it exists when the library is loaded; the library's own loop takes 1.2 s and 1 GiB for 12 MiB. Import
 * this file first, and only in the entry file of a worker thread, because no other code of the process sees what a
 * thread adds to its own globals.
 */

interface Base64Options {
  readonly alphabet?: "base64" | "base64url";
  readonly omitPadding?: boolean;
}

function toBase64(
  this: Uint8Array,
  { alphabet = "base64", omitPadding = false }: Base64Options = {},
): string {
  const text = Buffer.from(this.buffer, this.byteOffset, this.byteLength).toString(alphabet);
  const bare = text.replace(/={1,2}$/, "");
  return omitPadding ? bare : bare.padEnd(Math.ceil(bare.length / 4) * 4, "=");
}

if (!("toBase64" in Uint8Array.prototype))
  // oxlint-disable-next-line no-extend-native -- it is a method of the standard, for code that looks for it
  Object.defineProperty(Uint8Array.prototype, "toBase64", {
    value: toBase64,
    writable: true,
    configurable: true,
  });
