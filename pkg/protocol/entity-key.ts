// SPDX-License-Identifier: Apache-2.0

import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { getOption, ScalarType } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

import { entity_key } from "./gen/cloudstate/entity_key_pb.ts";
import { legacy_entity_key } from "./gen/cloudstate/legacy_entity_key_pb.ts";

/** Reads the entity id from a command's message. Only the key fields are decoded; the other fields are skipped. */
export interface EntityKeyReader {
  /**
   * The entity id: the text of each key field, in the order of the message's declaration, joined by `-`. Undefined if
   * a text or bytes field of the key is absent or empty.
   *
   * @throws Error if the bytes are not a message, or a text in the key is not UTF-8.
   */
  read(message: Uint8Array): string | undefined;
  /**
   * Whether a message with a different key may have the same entity id. This is so if the key has several fields and
   * the text of one of them contains a `-`: the keys `a-b`, `c` and `a`, `b-c` have the same id. Texts without a `-`
   * always give unique ids, because the values of the other types can be split in only one way (`-1`, `2` gives
   * `-1-2`, which no other pair of numbers does). Only for bytes that `read` has accepted.
   */
  mayMeetOthers(message: Uint8Array): boolean;
}

interface KeyField {
  readonly number: number;
  readonly wireType: WireType;
  readonly decode: (reader: BinaryReader) => string;
  /** The text of an absent field; undefined if the field must be present. */
  readonly absent: string | undefined;
  /** True if the field can hold any text. */
  readonly isText?: true;
}

/**
 * A reader for the fields that are marked `cloudstate.entity_key` (or as protocol 0.1 marked them). Undefined if no
 * field is marked, or if a marked field has no text form: a message, a list, a map.
 */
export function entityKeyReader(message: DescMessage): EntityKeyReader | undefined {
  const marked = message.fields.filter(isEntityKey);
  const fields = marked.map(keyField);
  if (fields.length === 0 || !fields.every((field) => field !== undefined)) return undefined;
  return fields.length === 1 ? singleKey(fields[0] as KeyField) : compositeKey(fields);
}

function isEntityKey(field: DescField): boolean {
  return getOption(field, entity_key) || getOption(field, legacy_entity_key);
}

/** A separate path for a key of one field, because almost every service has a single string key. */
function singleKey(field: KeyField): EntityKeyReader {
  return {
    read(message) {
      let text = field.absent;
      forEachField(message, (reader, number, wireType) => {
        if (number !== field.number || wireType !== field.wireType) return false;
        text = field.decode(reader);
        return true;
      });
      return text === "" ? undefined : text;
    },
    mayMeetOthers: () => false,
  };
}

function compositeKey(fields: readonly KeyField[]): EntityKeyReader {
  return {
    read(message) {
      const texts = readTexts(message, fields);
      return texts.some((text) => text === undefined || text === "") ? undefined : texts.join(JOINER);
    },
    mayMeetOthers(message) {
      const texts = readTexts(message, fields);
      return fields.some(({ isText }, index) => isText === true && texts[index]?.includes(JOINER) === true);
    },
  };
}

/** Joins the texts of the key fields, as in Cloudstate. */
const JOINER = "-";

function readTexts(message: Uint8Array, fields: readonly KeyField[]): (string | undefined)[] {
  const texts = fields.map((field) => field.absent);
  forEachField(message, (reader, number, wireType) => {
    const index = fields.findIndex((field) => field.number === number && field.wireType === wireType);
    const field = fields[index];
    if (field === undefined) return false;
    texts[index] = field.decode(reader);
    return true;
  });
  return texts;
}

/** Steps through the fields; `visit` says whether it has read the field's value. The last value of a field counts. */
function forEachField(
  message: Uint8Array,
  visit: (reader: BinaryReader, number: number, wireType: WireType) => boolean,
): void {
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (!visit(reader, number, wireType)) reader.skip(wireType, number);
  }
}

function keyField(field: DescField): KeyField | undefined {
  if (field.fieldKind === "enum") {
    return {
      number: field.number,
      wireType: WireType.Varint,
      decode: (reader) => String(reader.int32()),
      absent: "0",
    };
  }
  if (field.fieldKind !== "scalar") return undefined;
  const scalar: ScalarType = field.scalar;
  return { number: field.number, ...SCALARS[scalar] };
}

const varint = (decode: (reader: BinaryReader) => string, absent = "0") => ({
  wireType: WireType.Varint,
  decode,
  absent,
});
const bit32 = (decode: (reader: BinaryReader) => string) => ({
  wireType: WireType.Bit32,
  decode,
  absent: "0",
});
const bit64 = (decode: (reader: BinaryReader) => string) => ({
  wireType: WireType.Bit64,
  decode,
  absent: "0",
});
const delimited = (decode: (reader: BinaryReader) => string) => ({
  wireType: WireType.LengthDelimited,
  decode,
  absent: undefined,
});

const SCALARS: Readonly<Record<ScalarType, Omit<KeyField, "number">>> = {
  // Strict, so that two different keys that are not UTF-8 never become the same entity through the replacement
  // character.
  [ScalarType.STRING]: { ...delimited((reader) => reader.string(true)), isText: true },
  [ScalarType.BYTES]: delimited((reader) => Buffer.from(reader.bytes()).toString("base64")),
  [ScalarType.BOOL]: varint((reader) => String(reader.bool()), "false"),
  [ScalarType.INT32]: varint((reader) => String(reader.int32())),
  [ScalarType.SINT32]: varint((reader) => String(reader.sint32())),
  [ScalarType.UINT32]: varint((reader) => String(reader.uint32())),
  [ScalarType.INT64]: varint((reader) => String(reader.int64())),
  [ScalarType.SINT64]: varint((reader) => String(reader.sint64())),
  [ScalarType.UINT64]: varint((reader) => String(reader.uint64())),
  [ScalarType.FIXED32]: bit32((reader) => String(reader.fixed32())),
  [ScalarType.SFIXED32]: bit32((reader) => String(reader.sfixed32())),
  [ScalarType.FLOAT]: bit32((reader) => String(reader.float())),
  [ScalarType.FIXED64]: bit64((reader) => String(reader.fixed64())),
  [ScalarType.SFIXED64]: bit64((reader) => String(reader.sfixed64())),
  [ScalarType.DOUBLE]: bit64((reader) => String(reader.double())),
};
