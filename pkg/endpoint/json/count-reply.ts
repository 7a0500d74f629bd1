// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, Registry } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";

import { WireCursor, wireTypeOf } from "../../protocol/mod.ts";

import { HttpError } from "../http/http-error.ts";
import { MAX_MESSAGE_DEPTH, SMALL_BYTES } from "./limits.ts";
import type { JsonLimits } from "./limits.ts";
import { extensionShapeOf, mayHoldAny, shapeOf } from "./message-shape.ts";
import type { FieldShape, MessageShape } from "./message-shape.ts";

/**
 * Counts the keys and values of the JSON, default values included, of a serialized message before it is read.
 *
 * 1. It counts no fewer than `fromBinary` and `toJson` would build, and exactly those of a message as protobuf
 *    implementations write it (each field once, but for lists and maps). The paths of a `FieldMask` count as values.
 * 2. It stops at the first value beyond the bound, and at `MAX_MESSAGE_DEPTH`.
 * 3. It stops before a JSON text that is longer than `maxJsonReplyBytes` by more than `BYTES_TOO_MANY` for a value. How long
 *    the text is to the byte only the text itself tells.
 * 4. A field of a wire type that its declaration does not have, or a message that is longer than the one it is in, is
 *    refused: what `fromBinary` would read then is not what is counted here. So is a message with an `Any` that comes in two
 *    parts, which are merged: the contents of the first part may get the type of the second.
 *
 * @throws HttpError `REPLY_TOO_LARGE`; Error if the bytes are not a message.
 */
export function countReplyValues(
  desc: DescMessage,
  payload: Uint8Array,
  types: Registry,
  limits: JsonLimits,
): number {
  const walk = new Walk(types, limits, payload.length > SMALL_BYTES);
  walk.read(desc, payload, 1);
  return walk.values;
}

/** By so many bytes the JSON text of a value may be shorter than what is counted for it, as of a number. */
const BYTES_TOO_MANY = 64;

/** Fields that are read for one value: of a list of `Timestamp`s three, of the entries of a `Struct` four for two. */
const FIELDS_PER_VALUE = 4;

/** A type's name in an `Any` that is longer is that of no type. */
const MAX_TYPE_URL_BYTES = 10_000;

/** Of quotes, a colon and a comma, or of `"@type":` and `"value":`. */
const PUNCTUATION_BYTES = 24;

const NO_BYTES: Uint8Array = new Uint8Array(0);

interface AnyContents {
  type: Uint8Array;
  value: Uint8Array;
}

class Walk {
  readonly #types: Registry;
  readonly #maxValues: number;
  readonly #maxFields: number;
  readonly #maxTextBytes: number;
  /** The texts of a small message are small too, so their bytes need not be looked at. */
  readonly #looksAtTexts: boolean;
  #cursor: WireCursor;
  #fields = 0;
  #textBytes = 0;
  /** One is the message itself. */
  values = 1;

  constructor(
    types: Registry,
    { maxJsonValues, maxJsonReplyBytes }: Pick<JsonLimits, "maxJsonValues" | "maxJsonReplyBytes">,
    looksAtTexts: boolean,
  ) {
    this.#types = types;
    this.#maxValues = maxJsonValues;
    this.#maxFields = maxJsonValues * FIELDS_PER_VALUE;
    this.#maxTextBytes = maxJsonReplyBytes + maxJsonValues * BYTES_TOO_MANY;
    this.#looksAtTexts = looksAtTexts;
    this.#cursor = new WireCursor(NO_BYTES);
  }

  read(desc: DescMessage, bytes: Uint8Array, depth: number): void {
    const outer = this.#cursor;
    this.#cursor = new WireCursor(bytes);
    this.#message(shapeOf(desc), bytes.length, depth, undefined);
    this.#cursor = outer;
  }

  /** @param group the number of the field whose end tag ends the message; undefined if it has a length. */
  #message(shape: MessageShape, end: number, depth: number, group: number | undefined): void {
    if (depth > MAX_MESSAGE_DEPTH)
      throw tooLarge(`more than ${MAX_MESSAGE_DEPTH} messages inside each other`);
    this.#add(shape.defaultValues, shape.defaultBytes);
    const any = shape.form === "any" ? { type: NO_BYTES, value: NO_BYTES } : undefined;
    this.#fieldsOf(shape, end, depth, group, any);
    if (any !== undefined) this.#contents(any, depth);
  }

  #fieldsOf(
    shape: MessageShape,
    end: number,
    depth: number,
    group: number | undefined,
    any: AnyContents | undefined,
  ): void {
    const cursor = this.#cursor;
    /** Of the fields so far whose messages may hold an `Any`; most messages have none. */
    let whole: Set<number> | undefined;
    while (cursor.pos < end) {
      const tag = cursor.tag();
      const wireType = wireTypeOf(tag);
      const number = tag >>> 3;
      if (wireType === WireType.EndGroup && number === group) return;
      const field = shape.byNumber.get(number) ?? this.#extension(shape.desc, number);
      if (field !== undefined && isMerged(field)) {
        whole ??= new Set();
        // (4)
        if (whole.has(number)) throw inParts();
        whole.add(number);
      }
      this.#field(field, number, wireType, depth, any);
    }
    if (cursor.pos !== end || group !== undefined) throw new Error("a message ends where it should not");
  }

  #field(
    field: FieldShape | undefined,
    number: number,
    wireType: WireType,
    depth: number,
    any: AnyContents | undefined,
  ): void {
    if (++this.#fields > this.#maxFields) throw tooManyValues(this.#maxValues);
    const cursor = this.#cursor;
    if (field === undefined) {
      cursor.skip(wireType, number, MAX_MESSAGE_DEPTH - depth);
      return;
    }
    if (field.repeats === "map") return this.#mapEntry(field, wireType, depth);
    if (field.repeats === "list") {
      if (wireType === WireType.LengthDelimited && field.isPackable) return this.#packed(field);
      this.#add(1, 1);
    } else if (field.ownValues > 0) this.#add(field.ownValues, field.nameBytes);
    const start = cursor.pos;
    this.#element(field, number, wireType, depth);
    if (any === undefined) return;
    const value = this.#lastBytes(start);
    if (number === 1) any.type = value;
    else if (number === 2) any.value = value;
  }

  #element(field: FieldShape, number: number, wireType: WireType, depth: number): void {
    if (wireType !== field.wireType) throw new Error(`field ${number} has another wire type`);
    const cursor = this.#cursor;
    const { message } = field;
    if (message !== undefined) {
      const isGroup = wireType === WireType.StartGroup;
      const end = isGroup ? cursor.length : this.#cursor.end();
      this.#message(shapeOf(message), end, depth + 1, isGroup ? number : undefined);
    } else if (field.kind === "number") {
      this.#add(0, field.valueBytes);
      cursor.skip(wireType, number, 0);
    } else {
      const end = this.#cursor.end();
      if (this.#looksAtTexts)
        this.#add(0, field.kind === "text" ? this.#textLength(end) : this.#base64Length(end));
      cursor.pos = end;
    }
  }

  #packed(field: FieldShape): void {
    const end = this.#cursor.end();
    const count = this.#packedCount(field.wireType, this.#cursor.pos, end);
    this.#add(count, count * field.valueBytes);
    this.#cursor.pos = end;
  }

  #packedCount(wireType: WireType, start: number, end: number): number {
    if (wireType === WireType.Bit32) return Math.ceil((end - start) / 4);
    if (wireType === WireType.Bit64) return Math.ceil((end - start) / 8);
    const { bytes } = this.#cursor;
    let count = 0;
    // The last byte of a number is the one without the high bit.
    for (let at = start; at < end && count <= this.#maxValues; at++)
      if ((bytes[at] as number) < 0x80) count++;
    return end > start && (bytes[end - 1] as number) >= 0x80 ? count + 1 : count;
  }

  #mapEntry(field: FieldShape, wireType: WireType, depth: number): void {
    if (wireType !== WireType.LengthDelimited) throw new Error("a map entry has another wire type");
    const cursor = this.#cursor;
    const end = this.#cursor.end();
    this.#add(2, field.valueBytes + PUNCTUATION_BYTES);
    let hasValue = false;
    while (cursor.pos < end) {
      const tag = cursor.tag();
      const number = tag >>> 3;
      const elementType = wireTypeOf(tag);
      if (++this.#fields > this.#maxFields) throw tooManyValues(this.#maxValues);
      if (number === 1) this.#mapKey(elementType);
      else if (number === 2) {
        if (hasValue && field.message !== undefined && mayHoldAny(field.message)) throw inParts();
        hasValue = true;
        this.#element(field, number, elementType, depth);
      } else cursor.skip(elementType, number, MAX_MESSAGE_DEPTH - depth);
    }
    if (cursor.pos !== end) throw new Error("a map entry ends where it should not");
    if (hasValue || field.message === undefined) return;
    const { defaultValues, defaultBytes } = shapeOf(field.message);
    this.#add(defaultValues, defaultBytes);
  }

  #mapKey(wireType: WireType): void {
    const cursor = this.#cursor;
    if (wireType !== WireType.LengthDelimited) {
      cursor.skip(wireType, 1, 0);
      return;
    }
    const end = this.#cursor.end();
    if (this.#looksAtTexts) this.#add(0, this.#textLength(end));
    cursor.pos = end;
  }

  /** What an `Any` has in it, if its type is known: `toJson` refuses it otherwise. */
  #contents({ type, value }: AnyContents, depth: number): void {
    if (type.length === 0) return;
    if (type.length > MAX_TYPE_URL_BYTES) throw new Error("the type of an Any is too long");
    const url = Buffer.from(type.buffer, type.byteOffset, type.length).toString("utf8");
    const desc = this.#types.getMessage(url.slice(url.lastIndexOf("/") + 1));
    if (desc === undefined) return;
    const isObject = shapeOf(desc).form === "fields";
    this.#add(isObject ? 2 : 4, JSON.stringify(url).length + PUNCTUATION_BYTES);
    this.read(desc, value, depth + 1);
  }

  #extension(desc: DescMessage, number: number): FieldShape | undefined {
    const extension = this.#types.getExtensionFor(desc, number);
    return extension === undefined ? undefined : extensionShapeOf(extension);
  }

  /** The bytes with the length that stands at `start`; they have been passed over. */
  #lastBytes(start: number): Uint8Array {
    const { bytes, pos } = this.#cursor;
    let first = start;
    while ((bytes[first] as number) >= 0x80) first++;
    return bytes.subarray(first + 1, pos);
  }

  #base64Length(end: number): number {
    return Math.ceil((end - this.#cursor.pos) / 3) * 4;
  }

  /** Bytes of a text, from here to its end, in JSON. */
  #textLength(end: number): number {
    const { bytes } = this.#cursor;
    let length = end - this.#cursor.pos;
    for (let at = this.#cursor.pos; at < end; at++) {
      const byte = bytes[at] as number;
      if (byte < 0x20) length += hasShortEscape(byte) ? 1 : 5;
      else if (byte === 0x22 || byte === 0x5c) length++;
    }
    return length;
  }

  #add(values: number, textBytes: number): void {
    this.values += values;
    this.#textBytes += textBytes;
    if (this.values > this.#maxValues) throw tooManyValues(this.#maxValues);
    if (this.#textBytes > this.#maxTextBytes) throw tooManyBytes(this.#maxTextBytes);
  }
}

/** Whether several of the field would be merged into one, with an `Any` in it. */
function isMerged({ repeats, message }: FieldShape): boolean {
  return message !== undefined && repeats === "once" && mayHoldAny(message);
}

function inParts(): Error {
  return new Error("a message with an Any comes in parts");
}

/** Backspace, tab, line feed, form feed and carriage return; other control characters are written as `\u0001`. */
function hasShortEscape(byte: number): boolean {
  return byte >= 0x08 && byte <= 0x0d && byte !== 0x0b;
}

function tooManyValues(maxValues: number): HttpError {
  return tooLarge(`more than ${maxValues} values, of which names and defaults count too`);
}

export function tooManyBytes(maxBytes: number): HttpError {
  return tooLarge(`more than ${maxBytes} bytes`);
}

function tooLarge(text: string): HttpError {
  return new HttpError("REPLY_TOO_LARGE", `the user function's reply is too large for JSON: ${text}`);
}
