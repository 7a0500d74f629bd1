// SPDX-License-Identifier: Apache-2.0

import type { DescField } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";

/** Serializes a message that consists of texts, one for each of the fields that it was made for. */
export type TextMessageEncoder = (texts: readonly string[]) => Uint8Array;

/** Tags of up to this field number are one byte: the number, and the wire type 2 for "length-delimited". */
const MAX_FIELD_NUMBER = 15;
const LENGTH_DELIMITED = 2;

/**
 * A direct encoder for the most common read, which names its entity in the path and has no other input: it avoids a
 * JSON object and a message. Undefined if a field is anything but a plain string with a small number.
 */
export function textMessageEncoder(fields: readonly DescField[]): TextMessageEncoder | undefined {
  if (!fields.every(isPlainText)) return undefined;
  const tags = fields.map((field) => (field.number << 3) | LENGTH_DELIMITED);
  const order = tags.map((_tag, index) => index).sort((a, b) => (tags[a] ?? 0) - (tags[b] ?? 0));

  return (texts) => {
    let bytes = 0;
    for (const text of texts) bytes += text.length * 3 + 6;
    const buffer = Buffer.allocUnsafe(bytes);
    let at = 0;
    for (const index of order) {
      const text = texts[index] ?? "";
      if (text === "") continue;
      buffer[at++] = tags[index] ?? 0;
      at = writeVarint(buffer, at, Buffer.byteLength(text));
      at += buffer.write(text, at);
    }
    return buffer.subarray(0, at);
  };
}

function isPlainText(field: DescField): boolean {
  return (
    field.fieldKind === "scalar" &&
    field.scalar === ScalarType.STRING &&
    field.presence === FeatureSet_FieldPresence.IMPLICIT &&
    field.number <= MAX_FIELD_NUMBER
  );
}

function writeVarint(buffer: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest > 0x7f) {
    buffer[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buffer[at++] = rest;
  return at;
}
