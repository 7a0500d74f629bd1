// SPDX-License-Identifier: Apache-2.0

import { isUtf8 } from "node:buffer";

import type { DescMessage, JsonValue, Message, Registry } from "@bufbuild/protobuf";
import { fromJson, fromJsonString } from "@bufbuild/protobuf";

import { HttpError } from "../http/http-error.ts";
import { countRequestValues } from "./count-request.ts";
import { errorText } from "./error-text.ts";
import { exactValues } from "./exact-values.ts";
import { checkTree, countTree } from "./json-tree.ts";
import { keepTypeUrls } from "./keep-type-urls.ts";
import type { JsonLimits } from "./limits.ts";
import { SMALL_BYTES } from "./limits.ts";
import { mostDefaultValues } from "./message-shape.ts";
import { jsonError, missingField } from "./protobuf-error.ts";
import { scanJson } from "./scan.ts";

/**
 * Makes a message of a JSON text.
 *
 * @throws HttpError `MALFORMED_JSON`, `JSON_TOO_DEEP`, `JSON_TOO_MANY_VALUES`, `UNKNOWN_JSON_FIELD`, `WRONG_FIELD_TYPE`
 * or `REQUIRED_FIELD_MISSING`
 */
export type JsonReader = (text: Buffer) => Message;

/** Keys and values, with defaults, of a text that is read at once: many, because messages cost less than others. */
const MAX_DEFAULTS_AT_ONCE = 40_000;

/** The only form that half of a surrogate pair can have in a text that is UTF-8: an escape. */
const ESCAPED_SURROGATE = /\\u[dD][89a-fA-F]/;

/**
 * The reader of a message type. Nothing is built before its values, and no message before its defaults, are counted.
 *
 * @param types resolves the `Any`s in a text.
 * @param maxAtOnce keys and values that a text may have, if that is less than the limit.
 */
export function jsonReader(
  schema: DescMessage,
  types: Registry,
  { maxJsonValues }: JsonLimits,
  maxAtOnce: number,
): JsonReader {
  const mostPerValue = mostDefaultValues(schema, types);
  const isAtOnce = maxAtOnce < maxJsonValues;
  const maxValues = isAtOnce
    ? Math.min(maxAtOnce, Math.floor(MAX_DEFAULTS_AT_ONCE / mostPerValue))
    : maxJsonValues;
  const options = { registry: types };
  return (text) => {
    const { values, isUnclear } = scanJson(text, maxValues);
    if (!isUtf8(text)) throw new HttpError("MALFORMED_JSON", "the body is not UTF-8");
    const string = text.toString("utf8");
    const json = parse(string);
    // `JSON.parse` keeps the last of two entries with the same name, so a lower count shows that a name is repeated.
    if (json === undefined || countTree(json) !== values) throw malformed(schema, string);
    // Most texts have too few values to exceed the bound, even if each value were a message with the most defaults.
    if (text.length > SMALL_BYTES || values * mostPerValue > maxJsonValues)
      countRequestValues(schema, json, types, maxJsonValues);
    if (isUnclear || (string.includes("\\u") && ESCAPED_SURROGATE.test(string))) checkTree(json);
    const exact = exactValues(schema, string, json, isUnclear, types);
    try {
      const message = fromJson(schema, exact.json, options);
      if (exact.hasOtherUrls) keepTypeUrls(schema, message, exact.json, types);
      return message;
    } catch (error) {
      throw missingField(error) ?? jsonError(error);
    }
  };
}

/** Undefined if the text is no JSON. */
function parse(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

/** The error of protobuf-es for a text that is not JSON, or has a name twice. */
function malformed(schema: DescMessage, text: string): HttpError {
  try {
    fromJsonString(schema, text);
  } catch (error) {
    return new HttpError("MALFORMED_JSON", errorText(error), { cause: error });
  }
  return new HttpError("MALFORMED_JSON", "the body has a name twice");
}
