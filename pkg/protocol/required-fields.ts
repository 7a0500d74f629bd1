// SPDX-License-Identifier: Apache-2.0

import type { DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";

import { onceForEach } from "../base/mod.ts";

import { elementWireType, WireCursor, wireTypeOf } from "./wire-cursor.ts";

/**
 * Finds a `required` field (of proto2, or an edition's `LEGACY_REQUIRED`) that is missing from a serialized message
 * or from a message inside it. A user function cannot parse such a message.
 *
 * 1. It reads as a parser does: several occurrences of a message field are merged into one message, and the last
 *    member of a oneof counts.
 * 2. (I11) It builds only a note for each message whose required fields matter, and keeps at most `MAX_NOTES` of them
 *    at a time. The note of an element of a list or map is dropped at the element's end.
 * 3. It does not check the contents of an `Any`, an extension or an unknown field. It checks each entry of a map,
 *    even one that a later entry with the same key replaces, because recognizing those would need all keys in memory.
 *
 * 4. (I11) It reads at most `maxFields` fields, those of messages and groups that it steps into included.
 *
 * @returns the full name of the field; undefined if nothing is missing.
 * @throws MessageError `MESSAGE_TOO_MANY_FIELDS`; Error if the bytes are not a message.
 */
export type RequiredFieldFinder = (message: Uint8Array, maxFields: number) => string | undefined;

/** The finder for a message type. Undefined if nothing in the type is required, as in all of proto3. */
export function requiredFieldFinder(desc: DescMessage): RequiredFieldFinder | undefined {
  if (!requires(desc)) return undefined;
  const shape = shapeOf(desc);
  return (bytes, maxFields) => {
    const note = new Note(shape);
    new Walk(bytes, maxFields).message(note, bytes.length, 1, undefined);
    return note.missing();
  };
}

/** Deepest nesting of messages. Protobuf's parsers have the same bound. */
const MAX_DEPTH = 100;

/** Most notes at a time. Only a message of a type that contains itself at least twice can need so many. */
const MAX_NOTES = 10_000;

/** Whether a message of this type, or one inside it, has a required field. */
function requires(desc: DescMessage): boolean {
  const seen = new Set([desc]);
  for (const message of seen) {
    for (const field of message.fields) {
      if (isRequired(field)) return true;
      if (field.message !== undefined) seen.add(field.message);
    }
  }
  return false;
}

function isRequired({ presence }: DescField): boolean {
  return presence === FeatureSet_FieldPresence.LEGACY_REQUIRED;
}

/** The properties of a message type that decide whether a required field is missing. */
interface Shape {
  readonly required: readonly DescField[];
  /**
   * The fields that matter, by number: required fields, messages that contain required fields, and the other members
   * of a oneof with such a message.
   */
  readonly parts: ReadonlyMap<number, Part>;
}

interface Part {
  /** Its index in `required`; undefined if it is not required. */
  readonly required: number | undefined;
  readonly wireType: WireType;
  readonly oneof: DescOneof | undefined;
  /**
   * The shape of the message; undefined if nothing in it is required. A function, because types can contain
   * themselves.
   */
  readonly message: (() => Shape) | undefined;
  readonly repeats: "once" | "list" | "map";
}

const shapeOf = onceForEach(makeShape);

function makeShape(desc: DescMessage): Shape {
  const required = desc.fields.filter(isRequired);
  return { required, parts: partsOf(desc, required) };
}

function partsOf(desc: DescMessage, required: readonly DescField[]): Map<number, Part> {
  const deep = new Set(desc.fields.filter(({ message }) => message !== undefined && requires(message)));
  const oneofs = new Set([...deep].map(({ oneof }) => oneof).filter((oneof) => oneof !== undefined));
  const parts = new Map<number, Part>();
  for (const field of desc.fields) {
    const place = required.indexOf(field);
    const isBeside = field.oneof !== undefined && oneofs.has(field.oneof);
    if (place === -1 && !deep.has(field) && !isBeside) continue;
    parts.set(field.number, {
      required: place === -1 ? undefined : place,
      wireType: elementWireType(field),
      oneof: field.oneof,
      message: deep.has(field) ? innerShape(field) : undefined,
      repeats: field.fieldKind === "list" || field.fieldKind === "map" ? field.fieldKind : "once",
    });
  }
  return parts;
}

function innerShape({ fieldKind, message }: DescField): (() => Shape) | undefined {
  if (message === undefined) return undefined;
  return fieldKind === "map" ? entryOf(message) : () => shapeOf(message);
}

/** The number of the value in an entry of a map. */
const VALUE = 2;

/** The shape of the entries of a map with values of this type. */
function entryOf(value: DescMessage): () => Shape {
  const part: Part = {
    required: undefined,
    wireType: WireType.LengthDelimited,
    oneof: undefined,
    message: () => shapeOf(value),
    repeats: "once",
  };
  const entry = { required: [], parts: new Map([[VALUE, part]]) };
  return () => entry;
}

/** The note of a message that is not an element of a list or map, and its field number. */
interface Inside {
  readonly number: number;
  readonly note: Note;
}

/** A note keeps this many required fields as the bits of one number, because a list may have millions of elements. */
const BITS = 31;

/** What was found in one message so far. */
class Note {
  readonly shape: Shape;
  /** The required fields that are present: a bit for each of the first `BITS`, and the indexes of the others. */
  #bits = 0;
  #others: Set<number> | undefined;
  /** By their oneof or number. */
  #inside: Map<DescOneof | number, Inside> | undefined;
  /** The name of the required field that the first incomplete element of a list or map lacks. */
  #missing: string | undefined;

  constructor(shape: Shape) {
    this.shape = shape;
  }

  set(number: number, { required, oneof }: Part): void {
    if (required !== undefined) {
      if (required < BITS) this.#bits |= 1 << required;
      else (this.#others ??= new Set()).add(required);
    }
    if (oneof !== undefined && this.#inside?.get(oneof)?.number !== number) this.#inside?.delete(oneof);
  }

  inside(number: number, oneof: DescOneof | undefined): Note | undefined {
    return this.#inside?.get(oneof ?? number)?.note;
  }

  add(number: number, oneof: DescOneof | undefined, note: Note): void {
    (this.#inside ??= new Map()).set(oneof ?? number, { number, note });
  }

  addElement(element: Note): void {
    this.#missing ??= element.missing();
  }

  missing(): string | undefined {
    if (this.#missing !== undefined) return this.#missing;
    const field = this.shape.required.find((_field, place) => !this.#has(place));
    if (field !== undefined) return `${field.parent.typeName}.${field.name}`;
    if (this.#inside === undefined) return undefined;
    for (const { note } of this.#inside.values()) {
      const name = note.missing();
      if (name !== undefined) return name;
    }
    return undefined;
  }

  #has(place: number): boolean {
    return place < BITS ? (this.#bits & (1 << place)) !== 0 : this.#others?.has(place) === true;
  }
}

class Walk {
  readonly #cursor: WireCursor;
  #notes = 1;

  constructor(bytes: Uint8Array, maxFields: number) {
    this.#cursor = new WireCursor(bytes, maxFields);
  }

  /** @param group the number of the field whose end tag ends the message; undefined if it has a length. */
  message(note: Note, end: number, depth: number, group: number | undefined): void {
    if (depth > MAX_DEPTH) throw new Error(`more than ${MAX_DEPTH} messages inside each other`);
    const cursor = this.#cursor;
    while (cursor.pos < end) {
      const tag = cursor.tag();
      const number = tag >>> 3;
      const wireType = wireTypeOf(tag);
      if (wireType === WireType.EndGroup && number === group) return;
      const part = note.shape.parts.get(number);
      if (part === undefined || part.wireType !== wireType) cursor.skip(wireType, number, MAX_DEPTH - depth);
      else this.#part(note, number, part, depth);
    }
    if (cursor.pos !== end || group !== undefined) throw new Error("a message ends where it should not");
  }

  #part(note: Note, number: number, part: Part, depth: number): void {
    note.set(number, part);
    const { message, oneof, repeats, wireType } = part;
    if (message === undefined) return this.#cursor.skip(wireType, number, MAX_DEPTH - depth);
    if (repeats !== "once") return this.#element(note, number, part, message(), depth);
    let inside = note.inside(number, oneof);
    if (inside === undefined) {
      inside = this.#note(message());
      note.add(number, oneof, inside);
    }
    this.#inside(inside, number, wireType, depth);
  }

  /** Checks an element of a list or a map at once, because no later field changes it. */
  #element(note: Note, number: number, { wireType, repeats }: Part, shape: Shape, depth: number): void {
    const notes = this.#notes;
    const element = this.#note(shape);
    this.#inside(element, number, wireType, depth);
    // An entry without a value has an empty message as its value.
    const value = repeats === "map" ? shape.parts.get(VALUE)?.message : undefined;
    if (value !== undefined && element.inside(VALUE, undefined) === undefined)
      element.add(VALUE, undefined, this.#note(value()));
    note.addElement(element);
    this.#notes = notes;
  }

  #inside(note: Note, number: number, wireType: WireType, depth: number): void {
    const isGroup = wireType === WireType.StartGroup;
    const end = isGroup ? this.#cursor.length : this.#cursor.end();
    this.message(note, end, depth + 1, isGroup ? number : undefined);
  }

  #note(shape: Shape): Note {
    if (++this.#notes > MAX_NOTES) throw new Error(`more than ${MAX_NOTES} messages with required fields`);
    return new Note(shape);
  }
}
