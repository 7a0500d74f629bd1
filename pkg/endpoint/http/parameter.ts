// SPDX-License-Identifier: Apache-2.0

import type { DescField, DescMessage, JsonValue } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";

import { hasFieldsInJson } from "../json/message-shape.ts";
import { nearestFloat } from "../json/nearest-float.ts";
import type { TextForm } from "../json/value-texts.ts";
import { BASE64_TEXT, fitsType, isDigits, NOT_FINITE, TEXT_MESSAGES } from "../json/value-texts.ts";
import { HttpError } from "./http-error.ts";
import { quoted } from "./shown.ts";

/**
 * The value of a path variable or query parameter as protobuf JSON has it, which takes numbers as text too. Whole
 * numbers of 32 bits are checked here; all other ranges are left to the JSON mapping.
 *
 * @param source for the error text, as `query parameter "page.size"`.
 * @throws HttpError WRONG_PARAMETER_TYPE
 */
export function parameterJson(field: DescField, text: string, source: string): JsonValue {
  if (field.fieldKind === "map")
    throw new HttpError("WRONG_PARAMETER_TYPE", `${source} is a map, which only a body can set`);
  if (field.message !== undefined) return messageJson(field.message, text, source);
  if (field.scalar !== undefined) return scalarJson(field.scalar, text, source);
  // An enum, by number or by name.
  return isDigits(text) ? Number(text) : text;
}

/** Each digit can be matched in one way only: two ways would take quadratic time for a long text of digits. */
const DECIMAL = /^-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

function scalarJson(scalar: ScalarType, text: string, source: string): JsonValue {
  if (scalar === ScalarType.STRING) return text;
  if (scalar === ScalarType.BYTES) return fitting(BASE64_TEXT, text, source);
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
  if (!isDigits(text)) throw misfit(source, text, "a whole number");
  if (fitsType(scalar, text)) return text;
  throw misfit(source, text, "a whole number that fits");
}

function messageJson(message: DescMessage, text: string, source: string): JsonValue {
  const form = TEXT_MESSAGES.get(message.typeName);
  if (form !== undefined) return fitting(form, text, source);
  if (isWrapperDesc(message)) return scalarJson(message.fields[0].scalar, text, source);
  const advice = hasFieldsInJson(message) ? "set its fields by their dotted path" : "only a body can set it";
  throw new HttpError("WRONG_PARAMETER_TYPE", `${source} is a message (${message.typeName}); ${advice}`);
}

function fitting({ isRight, expected }: TextForm, text: string, source: string): string {
  if (isRight(text)) return text;
  throw misfit(source, text, expected);
}

/** Whether the value of a parameter may have blanks. Only texts may: in all other values a raw `+` is itself. */
export function mayHaveBlanks(field: DescField): boolean {
  const { message } = field;
  if (message !== undefined) return message.typeName === "google.protobuf.StringValue";
  return field.scalar === ScalarType.STRING;
}

function misfit(source: string, text: string, expected: string): HttpError {
  return new HttpError("WRONG_PARAMETER_TYPE", `${source} must be ${expected}, not ${quoted(text)}`);
}
