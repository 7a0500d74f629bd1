// SPDX-License-Identifier: Apache-2.0

import type { DescExtension, DescField } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";

import { MessageError } from "./message-error.ts";

const WIRE_TYPES: readonly (WireType | undefined)[] = [
  WireType.Varint,
  WireType.Bit64,
  WireType.LengthDelimited,
  WireType.StartGroup,
  WireType.EndGroup,
  WireType.Bit32,
];

/** As long as 64 bits are, of which each byte has seven. */
const MAX_VARINT_BYTES = 10;

/** The wire type in a tag. @throws Error if there is no such type. */
export function wireTypeOf(tag: number): WireType {
  const wireType = WIRE_TYPES[tag & 7];
  if (wireType === undefined) throw new Error("no wire type");
  return wireType;
}

/** The wire type of one value of each scalar type. */
export const SCALAR_WIRE_TYPES: Readonly<Record<ScalarType, WireType>> = {
  [ScalarType.DOUBLE]: WireType.Bit64,
  [ScalarType.FLOAT]: WireType.Bit32,
  [ScalarType.INT64]: WireType.Varint,
  [ScalarType.UINT64]: WireType.Varint,
  [ScalarType.INT32]: WireType.Varint,
  [ScalarType.FIXED64]: WireType.Bit64,
  [ScalarType.FIXED32]: WireType.Bit32,
  [ScalarType.BOOL]: WireType.Varint,
  [ScalarType.STRING]: WireType.LengthDelimited,
  [ScalarType.BYTES]: WireType.LengthDelimited,
  [ScalarType.UINT32]: WireType.Varint,
  [ScalarType.SFIXED32]: WireType.Bit32,
  [ScalarType.SFIXED64]: WireType.Bit64,
  [ScalarType.SINT32]: WireType.Varint,
  [ScalarType.SINT64]: WireType.Varint,
};

/** The wire type of one value of the field, if values are not packed; of a map, that of a value in an entry. */
export function elementWireType(field: DescField | DescExtension): WireType {
  if (field.message === undefined)
    return field.scalar === undefined ? WireType.Varint : SCALAR_WIRE_TYPES[field.scalar];
  const isGroup = field.fieldKind !== "map" && field.delimitedEncoding;
  return isGroup ? WireType.StartGroup : WireType.LengthDelimited;
}

/**
 * Steps through a serialized message without allocating, because it may skip millions of fields.
 *
 * It reads lengths and tags as `BinaryReader` does, so that both see the same fields, and throws Error where
 * `BinaryReader` would, and also where it steps over a number of more than ten bytes, as other parsers do.
 *
 * It reads at most `maxFields` tags, those of what it skips included, because each takes time (I11). A group has two.
 */
export class WireCursor {
  readonly bytes: Uint8Array;
  readonly length: number;
  pos = 0;
  readonly #maxFields: number;
  #fields = 0;

  /** @param maxFields by default no bound, for bytes whose fields something else counts. */
  constructor(bytes: Uint8Array, maxFields: number = Number.POSITIVE_INFINITY) {
    this.bytes = bytes;
    this.length = bytes.length;
    this.#maxFields = maxFields;
  }

  /**
   * Reads a tag: a field's number and wire type in one number.
   *
   * @throws MessageError `MESSAGE_TOO_MANY_FIELDS`; Error if it is no tag.
   */
  tag(): number {
    if (++this.#fields > this.#maxFields)
      throw new MessageError(
        "MESSAGE_TOO_MANY_FIELDS",
        `the message has more than ${this.#maxFields} fields`,
      );
    const first = this.bytes[this.pos] as number;
    if (first >= 0x08 && first < 0x80) {
      this.pos++;
      return first;
    }
    const start = this.pos;
    const tag = this.#varint();
    const length = this.pos - start;
    if (length > 5 || (length === 5 && (this.bytes[this.pos - 1] as number) > 0x0f) || tag < 0x08)
      throw new Error("no tag of a field");
    return tag;
  }

  /** Reads a length, and returns the position where the value of that length ends. */
  end(): number {
    const first = this.bytes[this.pos] as number;
    let length = first;
    if (first < 0x80) this.pos++;
    else length = this.#varint();
    const end = this.pos + length;
    if (end > this.length) throw new Error("a field ends after the message");
    return end;
  }

  /**
   * Steps over a field's value.
   *
   * @param depth how many groups may be inside each other.
   */
  skip(wireType: WireType, number: number, depth: number): void {
    if (wireType === WireType.LengthDelimited) this.pos = this.end();
    else if (wireType === WireType.Varint) this.#skipVarint();
    else if (wireType === WireType.Bit64) this.pos += 8;
    else if (wireType === WireType.Bit32) this.pos += 4;
    else if (wireType === WireType.StartGroup) this.#skipGroup(number, depth);
    else throw new Error("a group ends that did not begin");
    if (this.pos > this.length) throw new Error("a field ends after the message");
  }

  #skipVarint(): void {
    const end = this.pos + MAX_VARINT_BYTES;
    while ((this.bytes[this.pos++] as number) >= 0x80) if (this.pos === end) throw new Error("no number");
  }

  #skipGroup(number: number, depth: number): void {
    if (depth <= 0) throw new Error("too many groups inside each other");
    for (;;) {
      const tag = this.tag();
      const wireType = wireTypeOf(tag);
      if (wireType === WireType.EndGroup) {
        if (tag >>> 3 !== number) throw new Error("another group ends");
        return;
      }
      this.skip(wireType, tag >>> 3, depth - 1);
    }
  }

  /** Reads a varint of at most ten bytes, and returns its lower 32 bits. */
  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 7 * MAX_VARINT_BYTES; shift += 7) {
      const byte = this.bytes[this.pos++];
      if (byte === undefined) break;
      // Shifts are taken modulo 32.
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new Error("no number");
  }
}
