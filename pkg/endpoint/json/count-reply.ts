// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, Registry } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";

import { WireCursor, wireTypeOf } from "../../protocol/mod.ts";

import { HttpError } from "../http/http-error.ts";
import { typeOf } from "./json-tree.ts";
import type { JsonLimits } from "./limits.ts";
import { MAX_MESSAGE_DEPTH, SMALL_BYTES } from "./limits.ts";
import type { FieldShape, MessageShape } from "./message-shape.ts";
import { extensionShapeOf, mayHoldAny, shapeOf } from "./message-shape.ts";

/**
 * Counts the keys and values, defaults included, that a serialized message has in JSON, before it is parsed.
 *
 * 1. The count is never less than what `fromBinary` and `toJson` would build. It is exact for a message as protobuf
 *    implementations write it (each field once, except lists and maps). The paths of a `FieldMask` count as values.
 * 2. It stops at the first value beyond the bound, and at `MAX_MESSAGE_DEPTH`.
 * 3. It stops before a JSON text is built that exceeds `maxJsonReplyBytes` by more than `BYTES_TOO_MANY` for each of
 *    `maxJsonValues` values. The exact length is known only from the text itself.
 * 4. It refuses a field whose wire type differs from its declaration, and a message that is longer than the message
 *    that contains it, because `fromBinary` would then read something other than is counted here. It also refuses
 *    a message with an `Any` that comes in two parts: parsers merge the parts, so the contents of the first may get
 *    the type of the second.
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

/** By how many bytes the count for one value may exceed its JSON text, for example that of a number. */
const BYTES_TOO_MANY = 64;

/** Wire fields that are read for each counted value: a `Timestamp` has three, two values of a `Struct` four. */
const FIELDS_PER_VALUE = 4;

/** The longest type URL that is read from an `Any`, in bytes, because no type has a longer name. */
const MAX_TYPE_URL_BYTES = 10_000;

/** Room for quotes, a colon and a comma, or for `"@type":` and `"value":`. */
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
  /** False for a small message, because its texts are small too and need not be measured. */
  readonly #looksAtTexts: boolean;
  #cursor = new WireCursor(NO_BYTES);
  #fields = 0;
  #textBytes = 0;
  /** Starts at one, for the message itself. */
  values = 1;

  constructor(types: Registry, { maxJsonValues, maxJsonReplyBytes }: JsonLimits, looksAtTexts: boolean) {
    this.#types = types;
    this.#maxValues = maxJsonValues;
    this.#maxFields = maxJsonValues * FIELDS_PER_VALUE;
    this.#maxTextBytes = maxJsonReplyBytes + maxJsonValues * BYTES_TOO_MANY;
    this.#looksAtTexts = looksAtTexts;
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
    /** Numbers of the fields read so far whose messages may hold an `Any`. Most messages have no such field. */
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
      const end = isGroup ? cursor.length : cursor.end();
      this.#message(shapeOf(message), end, depth + 1, isGroup ? number : undefined);
    } else if (field.kind === "number") {
      this.#add(0, field.valueBytes);
      cursor.skip(wireType, number, 0);
    } else this.#delimited(field.kind === "text");
  }

  /** Steps over a text or bytes. */
  #delimited(isText: boolean): void {
    const cursor = this.#cursor;
    const end = cursor.end();
    if (this.#looksAtTexts)
      this.#add(0, isText ? this.#textLength(end) : Math.ceil((end - cursor.pos) / 3) * 4);
    cursor.pos = end;
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
      if (number === 1) {
        if (elementType === WireType.LengthDelimited) this.#delimited(true);
        else cursor.skip(elementType, 1, 0);
      } else if (number === 2) {
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

  /** Counts the message in an `Any` if its type is known; `toJson` refuses an unknown type. */
  #contents({ type, value }: AnyContents, depth: number): void {
    if (type.length === 0) return;
    if (type.length > MAX_TYPE_URL_BYTES) throw new Error("the type of an Any is too long");
    const url = Buffer.from(type.buffer, type.byteOffset, type.length).toString("utf8");
    const desc = typeOf(url, this.#types);
    if (desc === undefined) return;
    const isObject = shapeOf(desc).form === "fields";
    this.#add(isObject ? 2 : 4, JSON.stringify(url).length + PUNCTUATION_BYTES);
    this.read(desc, value, depth + 1);
  }

  #extension(desc: DescMessage, number: number): FieldShape | undefined {
    const extension = this.#types.getExtensionFor(desc, number);
    return extension && extensionShapeOf(extension);
  }

  /** The contents of the length-delimited field whose length is at `start`; the cursor is already at its end. */
  #lastBytes(start: number): Uint8Array {
    const { bytes, pos } = this.#cursor;
    let first = start;
    while ((bytes[first] as number) >= 0x80) first++;
    return bytes.subarray(first + 1, pos);
  }

  /** The length in JSON, in bytes, of the text from the cursor to `end`. */
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

/** Whether a parser merges repeated occurrences of the field into one message that may hold an `Any`. */
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
