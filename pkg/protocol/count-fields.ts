// SPDX-License-Identifier: Apache-2.0

import type { DescExtension, DescField, DescMessage, Registry } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";

import { onceForEach } from "../base/mod.ts";

import { elementWireType, SCALAR_WIRE_TYPES, WireCursor, wireTypeOf } from "./wire-cursor.ts";

/**
 * Counts the objects that a serialized message becomes when it is parsed: each field, unknown ones included, and the
 * lists, maps and oneofs that every message has even if they are empty. It builds nothing, and stops when the count
 * exceeds `max`.
 *
 * 1. (I11) It counts no fewer than the objects that `fromBinary` builds. A packed number takes no object, so eight of
 *    them count as one.
 * 2. The contents of an `Any` do not count, because `fromBinary` leaves them as bytes. An extension that `extensions`
 *    contains counts as the objects that `getExtension` makes of it.
 * 3. A field with another wire type than its declaration, or a message that is longer than the message around it, is
 *    refused, because `fromBinary` would then read other fields than were counted.
 *
 * @returns the count; any number above `max` if it stopped.
 * @throws Error if the bytes are not a message.
 */
export function countFields(
  desc: DescMessage,
  bytes: Uint8Array,
  max: number,
  extensions?: Registry,
): number {
  const walk = new Walk(bytes, max, extensions);
  walk.message(shapeOf(desc), bytes.length, 1, undefined);
  return walk.count;
}

/** Deepest nesting of messages. `fromBinary` has the same bound. */
const MAX_DEPTH = 100;

const PACKED_PER_FIELD = 8;

class Walk {
  readonly #cursor: WireCursor;
  readonly #max: number;
  readonly #extensions: Registry | undefined;
  /** Begins with one for the message itself. */
  count = 1;

  constructor(bytes: Uint8Array, max: number, extensions: Registry | undefined) {
    this.#cursor = new WireCursor(bytes);
    this.#max = max;
    this.#extensions = extensions;
  }

  /** @param group the number of the field whose end tag ends the message; undefined if it has a length. */
  message(shape: Shape, end: number, depth: number, group: number | undefined): void {
    if (depth > MAX_DEPTH) throw new Error(`more than ${MAX_DEPTH} messages inside each other`);
    this.count += shape.emptyObjects;
    const cursor = this.#cursor;
    while (cursor.pos < end && this.count <= this.#max) {
      const tag = cursor.tag();
      const number = tag >>> 3;
      const wireType = wireTypeOf(tag);
      if (wireType === WireType.EndGroup && number === group) return;
      this.count++;
      this.#field(shape, number, wireType, depth);
    }
    if (this.count > this.#max) return;
    if (cursor.pos !== end || group !== undefined) throw new Error("a message ends where it should not");
  }

  #field(shape: Shape, number: number, wireType: WireType, depth: number): void {
    const cursor = this.#cursor;
    const field = shape.fields.get(number) ?? this.#extension(shape, number);
    if (field === undefined) {
      if (wireType === WireType.StartGroup) this.message(UNKNOWN, cursor.length, depth + 1, number);
      else cursor.skip(wireType, number, 0);
    } else if (field.isPackable && wireType === WireType.LengthDelimited) {
      const end = cursor.end();
      const bytesOfOne = FIXED_BYTES[field.wireType] ?? 1;
      this.count += Math.floor((end - cursor.pos) / (bytesOfOne * PACKED_PER_FIELD));
      cursor.pos = end;
    } else if (wireType !== field.wireType) {
      throw new Error(`field ${number} has another wire type`);
    } else if (field.message === undefined) {
      cursor.skip(wireType, number, 0);
    } else {
      const isGroup = wireType === WireType.StartGroup;
      const end = isGroup ? cursor.length : cursor.end();
      this.message(field.message(), end, depth + 1, isGroup ? number : undefined);
    }
  }

  #extension({ desc }: Shape, number: number): FieldShape | undefined {
    if (desc === undefined || this.#extensions === undefined) return undefined;
    const extension = this.#extensions.getExtensionFor(desc, number);
    return extension === undefined ? undefined : fieldShape(extension);
  }
}

/** The properties of a message type that decide how it is counted. */
interface Shape {
  /** Undefined for an unknown group and for an entry of a map. */
  readonly desc: DescMessage | undefined;
  /** Objects that an empty message of this type has beside itself. */
  readonly emptyObjects: number;
  readonly fields: ReadonlyMap<number, FieldShape>;
}

interface FieldShape {
  /** The wire type of one element. */
  readonly wireType: WireType;
  /** Whether a list of such elements may be packed. */
  readonly isPackable: boolean;
  /**
   * The shape of the message; undefined if the field is not a message. A function, because types can contain
   * themselves.
   */
  readonly message: (() => Shape) | undefined;
}

/** The bytes of a value of fixed size. A packed value of another type may have a single byte. */
const FIXED_BYTES: Readonly<Partial<Record<WireType, number>>> = {
  [WireType.Bit64]: 8,
  [WireType.Bit32]: 4,
};

const UNKNOWN: Shape = { desc: undefined, emptyObjects: 0, fields: new Map() };

const shapeOf = onceForEach(makeShape);

function makeShape(desc: DescMessage): Shape {
  return {
    desc,
    emptyObjects: desc.oneofs.length + desc.fields.filter(isObjectWhenEmpty).length,
    fields: new Map(desc.fields.map((field) => [field.number, fieldShape(field)])),
  };
}

function isObjectWhenEmpty({ fieldKind }: DescField): boolean {
  return fieldKind === "list" || fieldKind === "map";
}

function fieldShape(field: DescField | DescExtension): FieldShape {
  const element = elementShape(field);
  if (field.fieldKind !== "map") return element;
  const key = { wireType: SCALAR_WIRE_TYPES[field.mapKey], isPackable: false, message: undefined };
  const fields = new Map([
    [1, key],
    [2, element],
  ]);
  // An entry without a value gets an empty message.
  const entry = (): Shape => ({
    desc: undefined,
    emptyObjects: element.message === undefined ? 0 : 1 + element.message().emptyObjects,
    fields,
  });
  return { wireType: WireType.LengthDelimited, isPackable: false, message: entry };
}

function elementShape(field: DescField | DescExtension): FieldShape {
  const { message } = field;
  const wireType = elementWireType(field);
  if (message !== undefined) return { wireType, isPackable: false, message: () => shapeOf(message) };
  const isPackable = field.fieldKind === "list" && wireType !== WireType.LengthDelimited;
  return { wireType, isPackable, message: undefined };
}
