// SPDX-License-Identifier: Apache-2.0

import type {
  DescField,
  DescMessage,
  JsonValue,
  JsonWriteOptions,
  Message,
  Registry,
} from "@bufbuild/protobuf";
import { create, fromBinary, toJson } from "@bufbuild/protobuf";

import { HttpError } from "../http/http-error.ts";
import { countReplyValues, tooManyBytes } from "./count-reply.ts";
import type { JsonLimits } from "./limits.ts";
import { hasFieldsInJson } from "./message-shape.ts";
import { stringifyWithSigns, writtenNumbers } from "./written-numbers.ts";

/** A serialized message as JSON without line breaks. @throws HttpError `MALFORMED_REPLY`, `REPLY_TOO_LARGE` */
export type JsonWriter = (payload: Uint8Array) => string;

/**
 * The writer of a message type, or of one field of it: protobuf JSON with default values, compact (as Cloudstate's
 * proxy does). Nothing is built before its values are counted.
 *
 * @param types resolves the `Any`s in a reply.
 */
export function jsonWriter(
  schema: DescMessage,
  field: DescField | undefined,
  types: Registry,
  limits: JsonLimits,
): JsonWriter {
  const options = { alwaysEmitImplicit: true, registry: types };
  const read = messageReader(schema, types, limits);
  const { maxJsonReplyBytes } = limits;
  const changeNumbers = writtenNumbers(schema);
  return (payload) => {
    const message = read(payload);
    let text: string;
    try {
      const numbers = { types, hasNegativeZero: false };
      const made = toJson(schema, message, options);
      const whole = changeNumbers === undefined ? made : changeNumbers(made, undefined, numbers);
      const json = field === undefined ? whole : fieldJson(whole, field, options);
      text = numbers.hasNegativeZero ? stringifyWithSigns(json) : JSON.stringify(json);
    } catch (error) {
      throw malformed(schema, error);
    }
    // A text of so many characters has at most three times as many bytes.
    if (text.length * 3 > maxJsonReplyBytes && Buffer.byteLength(text) > maxJsonReplyBytes)
      throw tooManyBytes(maxJsonReplyBytes);
    return text;
  };
}

/** Reads serialized messages within the bounds. @throws HttpError `MALFORMED_REPLY`, `REPLY_TOO_LARGE` */
export function messageReader(
  schema: DescMessage,
  types: Registry,
  limits: JsonLimits,
): (payload: Uint8Array) => Message {
  // protobuf-es reads extensions from the unknown fields of a message.
  const options = { readUnknownFields: hasExtensions(types) };
  return (payload) => {
    try {
      countReplyValues(schema, payload, types, limits);
      return fromBinary(schema, payload, options);
    } catch (error) {
      throw error instanceof HttpError ? error : malformed(schema, error);
    }
  };
}

function hasExtensions(types: Registry): boolean {
  for (const type of types)
    if (type.kind === "extension" && !type.extendee.typeName.startsWith("google.protobuf.")) return true;
  return false;
}

function malformed(schema: DescMessage, cause: unknown): HttpError {
  const message = `the user function's reply is not a valid ${schema.typeName}`;
  return new HttpError("MALFORMED_REPLY", message, { cause });
}

function fieldJson(message: JsonValue, field: DescField, options: Partial<JsonWriteOptions>): JsonValue {
  const value = (message as Readonly<Record<string, JsonValue | undefined>>)[field.jsonName];
  if (value !== undefined) return value;
  // An unset message is written with its defaults, as if it stood alone. Any other unset field is null.
  if (field.fieldKind !== "message" || !hasFieldsInJson(field.message)) return null;
  return toJson(field.message, create(field.message), options);
}
