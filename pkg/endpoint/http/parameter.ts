// SPDX-License-Identifier: Apache-2.0

import type { DescEnum, DescField, DescMessage, JsonValue } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";

import { nearestFloat } from "../json/nearest-float.ts";
import { fitsType, isBase64, isDuration, isFieldMask, isTimestamp } from "../json/value-texts.ts";
import { HttpError } from "./http-error.ts";

/**
 * The value of a path variable or query parameter as protobuf JSON has it, which takes numbers as text too. Whole
 * numbers of 32 bits are checked here; all other ranges are left to the JSON mapping.
 *
 * @param source for the error text, as `query parameter "page.size"`.
 * @throws HttpError WRONG_PARAMETER_TYPE
 */
export function parameterJson(field: DescField, text: string, source: string): JsonValue {
  switch (field.fieldKind) {
    case "scalar":
      return scalarJson(field.scalar, text, source);
    case "enum":
      return enumJson(field.enum, text);
    case "message":
      return messageJson(field.message, text, source);
    case "list":
      if (field.listKind === "scalar") return scalarJson(field.scalar, text, source);
      return field.listKind === "enum"
        ? enumJson(field.enum, text)
        : messageJson(field.message, text, source);
    case "map":
      throw new HttpError("WRONG_PARAMETER_TYPE", `${source} is a map, which only a body can set`);
  }
}

const INTEGER = /^-?\d{1,20}$/;
/**
 * Each digit can be matched in one way only. With two ways, a long text of digits that is not a number would take
 * quadratic time.
 */
const DECIMAL = /^-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const NOT_FINITE: readonly string[] = ["NaN", "Infinity", "-Infinity"];

function scalarJson(scalar: ScalarType, text: string, source: string): JsonValue {
  if (scalar === ScalarType.STRING) return text;
  if (scalar === ScalarType.BYTES) {
    if (isBase64(text)) return text;
    throw misfit(source, text, "base64");
  }
  if (scalar === ScalarType.BOOL) {
    if (text === "true") return true;
    if (text === "false") return false;
    throw misfit(source, text, "true or false");
  }
  if (scalar === ScalarType.DOUBLE || scalar === ScalarType.FLOAT) {
    if (DECIMAL.test(text)) return scalar === ScalarType.FLOAT ? nearestFloat(text) : Number(text);
    if (NOT_FINITE.includes(text)) return text;
    throw misfit(source, text, "a number");
  }
  if (!INTEGER.test(text)) throw misfit(source, text, "a whole number");
  if (fitsType(scalar, text)) return text;
  throw misfit(source, text, "a whole number that fits");
}

/** By number or by name. */
function enumJson(desc: DescEnum, text: string): JsonValue {
  const named = desc.values.some((value) => value.name === text);
  return !named && INTEGER.test(text) ? Number(text) : text;
}

/** Messages that protobuf JSON writes as one string. */
const TEXT_MESSAGES: ReadonlySet<string> = new Set([
  "google.protobuf.Timestamp",
  "google.protobuf.Duration",
  "google.protobuf.FieldMask",
]);
const WRAPPER = /^google\.protobuf\.(?:Double|Float|U?Int32|U?Int64|Bool|String|Bytes)Value$/;
const STRUCTURE = /^google\.protobuf\.(?:Any|Struct|Value|ListValue)$/;

/** True if a dotted path can go on inside the message: protobuf JSON writes it as an object of its fields. */
export function hasFieldsInJson(message: DescMessage): boolean {
  const { typeName } = message;
  return !TEXT_MESSAGES.has(typeName) && !WRAPPER.test(typeName) && !STRUCTURE.test(typeName);
}

function messageJson(message: DescMessage, text: string, source: string): JsonValue {
  if (TEXT_MESSAGES.has(message.typeName)) return textMessageJson(message, text, source);
  const [wrapped] = message.fields;
  if (WRAPPER.test(message.typeName) && wrapped?.fieldKind === "scalar") {
    return scalarJson(wrapped.scalar, text, source);
  }
  const advice = hasFieldsInJson(message) ? "set its fields by their dotted path" : "only a body can set it";
  throw new HttpError("WRONG_PARAMETER_TYPE", `${source} is a message (${message.typeName}); ${advice}`);
}

function textMessageJson(message: DescMessage, text: string, source: string): JsonValue {
  if (message.typeName === "google.protobuf.Timestamp" && !isTimestamp(text))
    throw misfit(source, text, "a date and time that exists (RFC 3339)");
  if (message.typeName === "google.protobuf.Duration" && !isDuration(text))
    throw misfit(source, text, "a number of seconds with at most nine decimals, and an s");
  if (message.typeName === "google.protobuf.FieldMask" && !isFieldMask(text))
    throw misfit(source, text, "a list of paths in lowerCamelCase, with commas between them");
  return text;
}

/** Whether the value of a parameter may have blanks. Only texts may: in all other values a raw `+` is itself. */
export function mayHaveBlanks(field: DescField): boolean {
  const { message } = field;
  if (message !== undefined) return message.typeName === "google.protobuf.StringValue";
  return field.scalar === ScalarType.STRING;
}

function misfit(source: string, text: string, expected: string): HttpError {
  const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return new HttpError("WRONG_PARAMETER_TYPE", `${source} must be ${expected}, not ${JSON.stringify(shown)}`);
}
