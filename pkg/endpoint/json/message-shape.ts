// SPDX-License-Identifier: Apache-2.0

import type { DescEnum, DescExtension, DescField, DescMessage, Registry } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { FeatureSet_FieldPresence, isWrapperDesc } from "@bufbuild/protobuf/wkt";

import { onceForEach } from "../../base/mod.ts";
import { elementWireType } from "../../protocol/mod.ts";

/** How protobuf's JSON mapping writes a message. */
export type MessageForm =
  /** An object of its fields. */
  | "fields"
  | "any"
  /** One text or number: `Timestamp`, `Duration`, the wrappers. */
  | "scalar"
  | "mask"
  /** Any JSON value, object or array. */
  | "json";

/** The properties of a message type that decide how many values its JSON has. */
export interface MessageShape {
  readonly desc: DescMessage;
  readonly form: MessageForm;
  /** Keys and values that its JSON always has, besides the message itself: those of the fields with defaults. */
  readonly defaultValues: number;
  /** Length of the JSON text of those, with the message's brackets, in bytes. */
  readonly defaultBytes: number;
  readonly byNumber: ReadonlyMap<number, FieldShape>;
  /** By the names that JSON may use for a field. */
  readonly byKey: ReadonlyMap<string, FieldShape>;
}

export interface FieldShape {
  readonly repeats: "once" | "list" | "map";
  readonly mapKey: ScalarType | undefined;
  /** The kind of one element. */
  readonly kind: "message" | "text" | "bytes" | "number";
  readonly message: DescMessage | undefined;
  /** The wire type of one element. */
  readonly wireType: WireType;
  /** Whether a list of it may come packed, as one length-delimited field. */
  readonly isPackable: boolean;
  /** Keys and values that it adds when it is set: none if the message's defaults already count it. */
  readonly ownValues: number;
  /** Bytes of the name in a JSON text, and of a value that has a bounded length. */
  readonly nameBytes: number;
  readonly valueBytes: number;
}

/** The longest JSON text of a number, a `Timestamp` or a `Duration`, with its comma. */
const NUMBER_BYTES = 40;

const FORMS: ReadonlyMap<string, MessageForm> = new Map<string, MessageForm>([
  ["google.protobuf.Any", "any"],
  ["google.protobuf.Timestamp", "scalar"],
  ["google.protobuf.Duration", "scalar"],
  ["google.protobuf.FieldMask", "mask"],
  ["google.protobuf.Struct", "json"],
  ["google.protobuf.Value", "json"],
  ["google.protobuf.ListValue", "json"],
]);

/** The shape of a message type. */
export const shapeOf = onceForEach(makeShape);

/** The shape of an extension, whose JSON name is `[package.name]`. */
export const extensionShapeOf = onceForEach((extension: DescExtension) => fieldShape(extension, 2));

/** Whether JSON writes a message as an object of its fields. */
export function hasFieldsInJson(desc: DescMessage): boolean {
  return shapeOf(desc).form === "fields";
}

/** The most keys and values that an empty message has in JSON, of this type or any that its messages may contain. */
export function mostDefaultValues(desc: DescMessage, types: Registry): number {
  let most = 0;
  for (const { defaultValues } of shapesWithin(desc, types)) most = Math.max(most, 1 + defaultValues);
  return most;
}

/** The shapes of a message type and of all that its messages may contain: of an `Any`, all of `types`, if given. */
function* shapesWithin(desc: DescMessage, types?: Registry): Iterable<MessageShape> {
  const seen = new Set<DescMessage>();
  const waiting = [desc];
  for (let message = waiting.pop(); message !== undefined; message = waiting.pop()) {
    if (seen.has(message)) continue;
    seen.add(message);
    const shape = shapeOf(message);
    yield shape;
    if (types !== undefined && holdsAnyType(shape))
      for (const type of types) if (type.kind === "message") waiting.push(type);
    for (const { message: inner } of shape.byNumber.values()) if (inner !== undefined) waiting.push(inner);
  }
}

/** An `Any`, or an extension, may be of any type. */
function holdsAnyType({ form, desc }: MessageShape): boolean {
  return form === "any" || desc.proto.extensionRange.length > 0;
}

/** Whether a message of this type may contain, at any depth, an `Any` or an extension, which may be of any type. */
export const mayHoldAny = onceForEach((desc: DescMessage): boolean => {
  for (const shape of shapesWithin(desc)) if (holdsAnyType(shape)) return true;
  return false;
});

function makeShape(desc: DescMessage): MessageShape {
  const form = FORMS.get(desc.typeName) ?? (isWrapperDesc(desc) ? "scalar" : "fields");
  const isObject = form === "fields";
  const byNumber = new Map<number, FieldShape>();
  const byKey = new Map<string, FieldShape>();
  let defaultValues = 0;
  let defaultBytes = isObject ? 3 : NUMBER_BYTES;
  for (const field of desc.fields) {
    const isDefaulted = !isObject || hasDefault(field);
    const shape = fieldShape(field, isDefaulted ? 0 : 2);
    byNumber.set(field.number, shape);
    byKey.set(field.name, shape).set(field.jsonName, shape);
    if (!isObject || !isDefaulted) continue;
    defaultValues += 2;
    defaultBytes += shape.nameBytes + shape.valueBytes;
  }
  return { desc, form, defaultValues, defaultBytes, byNumber, byKey };
}

/** Whether JSON with defaults shows the field when it is not set. */
function hasDefault(field: DescField): boolean {
  if (field.fieldKind === "list" || field.fieldKind === "map") return true;
  return field.oneof === undefined && field.presence === FeatureSet_FieldPresence.IMPLICIT;
}

function fieldShape(field: DescField | DescExtension, ownValues: number): FieldShape {
  const { fieldKind } = field;
  const element = elementOf(field);
  return {
    repeats: fieldKind === "list" || fieldKind === "map" ? fieldKind : "once",
    mapKey: fieldKind === "map" ? field.mapKey : undefined,
    ownValues,
    nameBytes: Buffer.byteLength(field.jsonName) + 4,
    ...element,
  };
}

type Element = Pick<FieldShape, "kind" | "message" | "wireType" | "isPackable" | "valueBytes">;

function elementOf(field: DescField | DescExtension): Element {
  const wireType = elementWireType(field);
  const { message, scalar } = field;
  if (message !== undefined) return { kind: "message", message, wireType, isPackable: false, valueBytes: 0 };
  const isDelimited = wireType === WireType.LengthDelimited;
  const kind = scalar === ScalarType.STRING ? "text" : scalar === ScalarType.BYTES ? "bytes" : "number";
  const valueBytes = isDelimited ? 3 : longestNumber(field.enum);
  return { kind, message, wireType, isPackable: !isDelimited, valueBytes };
}

/** Bytes of the longest number, or of the longest name in an enum. */
function longestNumber(desc: DescEnum | undefined): number {
  let longest = NUMBER_BYTES;
  for (const { name } of desc?.values ?? []) longest = Math.max(longest, name.length + 3);
  return longest;
}
