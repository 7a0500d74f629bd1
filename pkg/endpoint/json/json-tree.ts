// SPDX-License-Identifier: Apache-2.0

import type { DescExtension, DescMessage, JsonObject, JsonValue, Registry } from "@bufbuild/protobuf";

import { HttpError } from "../http/http-error.ts";

export function isObject(json: JsonValue | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

/** The type of message that the type URL of an `Any` names; undefined if it is unknown. */
export function typeOf(url: string, types: Registry): DescMessage | undefined {
  return types.getMessage(url.slice(url.lastIndexOf("/") + 1));
}

/** The extension that a member of an object names, as `[package.name]`; undefined if it names none that is known. */
export function extensionOf(key: string, types: Registry): DescExtension | undefined {
  return key.startsWith("[") && key.endsWith("]") ? types.getExtension(key.slice(1, -1)) : undefined;
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
