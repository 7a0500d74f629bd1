// SPDX-License-Identifier: Apache-2.0

import type { DescField, DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";

/** Messages inside messages are shown this deep; below, they are left out. */
const MAX_DEPTH = 3;

/**
 * A message to try a method with, as protobuf JSON: every field has a plausible value of its type. Of a oneof, only the
 * first member is set.
 *
 * @param without names of fields that are left out, as those that stand in the path.
 */
export function sampleMessage(message: DescMessage, without: ReadonlySet<string> = new Set()): JsonObject {
  return sampleFields(message, without, [message]);
}

/** A plausible value of a field in protobuf JSON. Undefined if the field is a message of the type that contains it. */
export function sampleField(field: DescField): JsonValue | undefined {
  return sampleValue(field, [field.parent]);
}

/** `path` holds the enclosing messages, outermost first, so that a message is never put into itself. */
function sampleFields(
  message: DescMessage,
  without: ReadonlySet<string>,
  path: readonly DescMessage[],
): JsonObject {
  const entries = message.fields
    .filter((field) => !without.has(field.name))
    .filter((field) => field.oneof === undefined || field.oneof.fields[0] === field)
    .flatMap((field) => {
      const value = sampleValue(field, path);
      return value === undefined ? [] : [[field.jsonName, value] as const];
    });
  return Object.fromEntries(entries);
}

function sampleValue(field: DescField, path: readonly DescMessage[]): JsonValue | undefined {
  switch (field.fieldKind) {
    case "scalar":
      return sampleScalar(field.scalar, field.name);
    case "enum":
      return enumName(field.enum.values);
    case "message":
      return inner(field.message, path);
    case "list": {
      const element = elementOf(field, path);
      return element === undefined ? undefined : [element];
    }
    case "map": {
      const element = elementOf(field, path);
      return element === undefined ? undefined : { [mapKey(field.mapKey)]: element };
    }
  }
}

function elementOf(
  field: DescField & { fieldKind: "list" | "map" },
  path: readonly DescMessage[],
): JsonValue | undefined {
  if (field.message !== undefined) return inner(field.message, path);
  if (field.enum !== undefined) return enumName(field.enum.values);
  return field.scalar === undefined ? undefined : sampleScalar(field.scalar, singular(field.name));
}

function inner(message: DescMessage, path: readonly DescMessage[]): JsonValue | undefined {
  const known = WELL_KNOWN[message.typeName];
  if (known !== undefined) return known;
  if (path.includes(message) || path.length >= MAX_DEPTH) return undefined;
  return sampleFields(message, new Set(), [...path, message]);
}

/** Messages that protobuf JSON does not write as an object of their fields. */
const WELL_KNOWN: Readonly<Record<string, JsonValue>> = {
  "google.protobuf.Any": { "@type": "type.googleapis.com/google.protobuf.StringValue", value: "text" },
  "google.protobuf.BoolValue": true,
  "google.protobuf.BytesValue": "AQID",
  "google.protobuf.DoubleValue": 2.5,
  "google.protobuf.Duration": "1.5s",
  "google.protobuf.Empty": {},
  "google.protobuf.FieldMask": "name",
  "google.protobuf.FloatValue": 2.5,
  "google.protobuf.Int32Value": 2,
  "google.protobuf.Int64Value": "2",
  "google.protobuf.ListValue": ["text", 2],
  "google.protobuf.StringValue": "text",
  "google.protobuf.Struct": { key: "value" },
  "google.protobuf.Timestamp": "2026-01-31T12:00:00Z",
  "google.protobuf.UInt32Value": 2,
  "google.protobuf.UInt64Value": "2",
  "google.protobuf.Value": "text",
};

function sampleScalar(scalar: ScalarType, name: string): JsonValue {
  switch (scalar) {
    case ScalarType.BOOL:
      return true;
    case ScalarType.STRING:
      return sampleText(name);
    case ScalarType.BYTES:
      return "AQID";
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return 2.5;
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return "2";
    case ScalarType.INT32:
    case ScalarType.UINT32:
    case ScalarType.SINT32:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return 2;
  }
}

const PERSON = /^(?:user|customer|owner|account|member|person|player|author)$/;

/** A text by the field's name: `user_id` is `ann`, `product_id` is `p1`, `name` is `Pen`, any other is its own name. */
function sampleText(name: string): string {
  const words = name.toLowerCase().split("_").filter(Boolean);
  const last = words.at(-1) ?? "text";
  const noun = words.at(-2) ?? "";
  if (last === "id" || last === "key") return PERSON.test(noun) ? "ann" : `${(noun || last).slice(0, 1)}1`;
  if (PERSON.test(last)) return "ann";
  if (last === "email") return "ann@example.com";
  if (last === "url" || last === "uri") return "https://example.com/";
  if (last === "name") return PERSON.test(noun) ? "Ann" : "Pen";
  return words.join(" ");
}

function singular(name: string): string {
  return name.length > 2 && name.endsWith("s") && !name.endsWith("ss") ? name.slice(0, -1) : name;
}

/** The first value that is not the default, which says most. */
function enumName(values: readonly { readonly name: string; readonly number: number }[]): string {
  return (values.find((value) => value.number !== 0) ?? values[0])?.name ?? "";
}

function mapKey(scalar: ScalarType): string {
  if (scalar === ScalarType.STRING) return "key";
  return scalar === ScalarType.BOOL ? "true" : "1";
}
