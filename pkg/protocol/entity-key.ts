// SPDX-License-Identifier: Apache-2.0

import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { getOption, ScalarType } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";

import { entity_key } from "./gen/cloudstate/entity_key_pb.ts";
import { legacy_entity_key } from "./gen/cloudstate/legacy_entity_key_pb.ts";
import { SCALAR_WIRE_TYPES, WireCursor, wireTypeOf } from "./wire-cursor.ts";

/** Reads the entity id from a command's message. Only the key fields are decoded; the other fields are skipped. */
export interface EntityKeyReader {
  /**
   * @throws MessageError `MESSAGE_TOO_MANY_FIELDS`; Error if the bytes are not a message, or a text in the key is not
   * UTF-8.
   */
  read(message: Uint8Array, limits: KeyLimits): EntityKey;
}

/** How much of a message is read for its key (I11). */
export interface KeyLimits {
  /** In the message, each element of a list and what is in groups included; not what is in messages inside it. */
  readonly maxFields: number;
  /** Of the entity id, in UTF-16 code units. */
  readonly maxLength: number;
}

export type EntityKey =
  | {
      readonly kind: "id";
      /** The text of each key field, in the order of the message's declaration, joined by `-`. */
      readonly id: string;
      /**
       * Whether a message with a different key may have the same entity id. This is so if the key has several fields
       * and the text of one of them contains a `-`: the keys `a-b`, `c` and `a`, `b-c` have the same id. Texts without
       * a `-` always give unique ids, because the values of the other types can be split in only one way (`-1`, `2`
       * gives `-1-2`, which no other pair of numbers does).
       */
      readonly mayMeetOthers: boolean;
    }
  /** A text or bytes field of the key is absent or empty. */
  | { readonly kind: "missing" }
  /** The id is longer than `maxLength`. If its bytes already say so, they were not decoded. */
  | { readonly kind: "too-long" };

const MISSING: EntityKey = { kind: "missing" };
const TOO_LONG: EntityKey = { kind: "too-long" };

interface KeyField {
  /** Its number and wire type, as `WireCursor` reads them. */
  readonly tag: number;
  readonly decode: (reader: BinaryReader) => string;
  /** The text of an absent field; empty if the field must be present. */
  readonly absent: string;
  /** True if the field can hold any text. */
  readonly isText: boolean;
  /** For a field whose text may be long: the least length of the text that so many bytes are, in UTF-16 code units. */
  readonly leastLength: ((bytes: number) => number) | undefined;
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
    read(message, limits) {
      const text = readTexts(message, [field], limits)?.[0];
      if (text === "") return MISSING;
      if (text === undefined || text.length > limits.maxLength) return TOO_LONG;
      return { kind: "id", id: text, mayMeetOthers: false };
    },
  };
}

function compositeKey(fields: readonly KeyField[]): EntityKeyReader {
  return {
    read(message, limits) {
      const texts = readTexts(message, fields, limits);
      if (texts === undefined) return TOO_LONG;
      if (texts.includes("")) return MISSING;
      const id = texts.join(JOINER);
      if (id.length > limits.maxLength) return TOO_LONG;
      const mayMeetOthers = fields.some(
        ({ isText }, index) => isText && texts[index]?.includes(JOINER) === true,
      );
      return { kind: "id", id, mayMeetOthers };
    },
  };
}

/** Joins the texts of the key fields, as in Cloudstate. */
const JOINER = "-";

/** As deep as `BinaryReader` follows groups. */
const MAX_DEPTH = 100;

/**
 * The last value of each field counts. No other is decoded, because a message may have many fields.
 *
 * @returns undefined if they are certainly longer than `maxLength`; then nothing was decoded.
 */
function readTexts(
  message: Uint8Array,
  fields: readonly KeyField[],
  { maxFields, maxLength }: KeyLimits,
): string[] | undefined {
  const places = fields.map(() => -1);
  const cursor = new WireCursor(message, maxFields);
  while (cursor.pos < cursor.length) {
    const tag = cursor.tag();
    for (let index = 0; index < fields.length; index++)
      if (fields[index]?.tag === tag) places[index] = cursor.pos;
    cursor.skip(wireTypeOf(tag), tag >>> 3, MAX_DEPTH);
  }
  if (leastLength(cursor, fields, places) > maxLength) return undefined;
  return fields.map(({ decode, absent }, index) => {
    const place = places[index] ?? -1;
    if (place === -1) return absent;
    const reader = new BinaryReader(message);
    reader.pos = place;
    return decode(reader);
  });
}

/** No more than the length of all texts together, as the bytes of their values say. */
function leastLength(cursor: WireCursor, fields: readonly KeyField[], places: readonly number[]): number {
  let length = 0;
  for (let index = 0; index < fields.length; index++) {
    const place = places[index] ?? -1;
    const lengthOf = fields[index]?.leastLength;
    if (place === -1 || lengthOf === undefined) continue;
    cursor.pos = place;
    const end = cursor.end();
    length += lengthOf(end - cursor.pos);
  }
  return length;
}

/** An absent field has the value whose bytes are all zero. */
const ZEROS = new Uint8Array(8);

function keyField(field: DescField): KeyField | undefined {
  if (field.fieldKind !== "enum" && field.fieldKind !== "scalar") return undefined;
  const scalar: ScalarType = field.fieldKind === "enum" ? ScalarType.INT32 : field.scalar;
  const decode = DECODERS[scalar];
  return {
    tag: ((field.number << 3) | SCALAR_WIRE_TYPES[scalar]) >>> 0,
    decode,
    absent: decode(new BinaryReader(ZEROS)),
    isText: scalar === ScalarType.STRING,
    leastLength: LEAST_LENGTHS[scalar],
  };
}

const LEAST_LENGTHS: Readonly<Partial<Record<ScalarType, KeyField["leastLength"]>>> = {
  // A code unit of UTF-16 has at most three bytes in UTF-8.
  [ScalarType.STRING]: (bytes) => Math.ceil(bytes / 3),
  // Base64.
  [ScalarType.BYTES]: (bytes) => Math.ceil(bytes / 3) * 4,
};

const DECODERS: Readonly<Record<ScalarType, KeyField["decode"]>> = {
  // Strict, so that two different keys that are not UTF-8 never become the same entity through the replacement
  // character.
  [ScalarType.STRING]: (reader) => reader.string(true),
  [ScalarType.BYTES]: (reader) => Buffer.from(reader.bytes()).toString("base64"),
  [ScalarType.BOOL]: (reader) => String(reader.bool()),
  [ScalarType.INT32]: (reader) => String(reader.int32()),
  [ScalarType.SINT32]: (reader) => String(reader.sint32()),
  [ScalarType.UINT32]: (reader) => String(reader.uint32()),
  [ScalarType.INT64]: (reader) => String(reader.int64()),
  [ScalarType.SINT64]: (reader) => String(reader.sint64()),
  [ScalarType.UINT64]: (reader) => String(reader.uint64()),
  [ScalarType.FIXED32]: (reader) => String(reader.fixed32()),
  [ScalarType.SFIXED32]: (reader) => String(reader.sfixed32()),
  [ScalarType.FLOAT]: (reader) => String(reader.float()),
  [ScalarType.FIXED64]: (reader) => String(reader.fixed64()),
  [ScalarType.SFIXED64]: (reader) => String(reader.sfixed64()),
  [ScalarType.DOUBLE]: (reader) => String(reader.double()),
};
