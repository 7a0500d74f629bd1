// SPDX-License-Identifier: Apache-2.0

import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

import { HttpError } from "../http/http-error.ts";

export function isObject(json: JsonValue | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

/** Keys and values of a JSON value that is not deeper than `MAX_JSON_DEPTH`. */
export function countTree(json: JsonValue): number {
  if (typeof json !== "object" || json === null) return 1;
  let values = 1;
  if (Array.isArray(json)) {
    for (const item of json) values += countTree(item);
    return values;
  }
  for (const key of Object.keys(json)) values += 1 + countTree(json[key] as JsonValue);
  return values;
}

/**
 * Refuses values that a JSON text can hold and a message cannot: halves of surrogate pairs, which would become
 * another character, and numbers that are infinite as a double.
 *
 * @throws HttpError `WRONG_FIELD_TYPE`
 */
export function checkTree(json: JsonValue): void {
  if (typeof json === "number" && !Number.isFinite(json))
    throw new HttpError("WRONG_FIELD_TYPE", "a number is larger than any double");
  if (typeof json === "string") checkText(json);
  if (typeof json !== "object" || json === null) return;
  if (Array.isArray(json)) {
    json.forEach(checkTree);
    return;
  }
  for (const key of Object.keys(json)) {
    checkText(key);
    checkTree(json[key] as JsonValue);
  }
}

function checkText(text: string): void {
  if (text.isWellFormed()) return;
  throw new HttpError("WRONG_FIELD_TYPE", "a text has half of a surrogate pair, which is no character");
}
