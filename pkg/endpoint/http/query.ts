// SPDX-License-Identifier: Apache-2.0

import type { DescField, DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";

import { hasFieldsInJson } from "../json/message-shape.ts";
import { HttpError } from "./http-error.ts";
import { mayHaveBlanks, parameterJson } from "./parameter.ts";
import { quoted } from "./shown.ts";

/** As deep as protobuf JSON goes. */
const MAX_DEPTH = 100;

/**
 * The query as the protobuf JSON of the input message: `a.b=1&a.b=2` sets the repeated field `b` of the message field
 * `a`. A field is named as in the `.proto` file or by its JSON name. A raw `+` is a blank in texts, as in forms, and
 * itself in values that have no blanks: base64, numbers, dates.
 *
 * @param query the text after the question mark.
 * @throws HttpError
 */
export function queryJson(message: DescMessage, query: string): JsonObject {
  const json = emptyObject();
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decode(blanksIn(equals === -1 ? pair : pair.slice(0, equals)));
    setParameter(json, message, name, equals === -1 ? "" : pair.slice(equals + 1));
  }
  return json;
}

/** @param raw still percent-encoded. */
function setParameter(json: JsonObject, message: DescMessage, name: string, raw: string): void {
  const path = name.split(".");
  let object = json;
  let parent: DescMessage = message;
  for (const step of path.slice(0, -1)) {
    const field = fieldOf(parent, step);
    if (field?.fieldKind !== "message" || !hasFieldsInJson(field.message) || path.length > MAX_DEPTH) {
      throw unknownParameter(message, name);
    }
    parent = field.message;
    // Always an object, because parameters inside messages that JSON writes as a text or scalar have been refused.
    object = (object[field.jsonName] ??= emptyObject()) as JsonObject;
  }
  const field = fieldOf(parent, path.at(-1) ?? "");
  if (field === undefined) throw unknownParameter(message, name);
  setValue(object, field, name, decode(mayHaveBlanks(field) ? blanksIn(raw) : raw));
}

function setValue(object: JsonObject, field: DescField, name: string, text: string): void {
  const source = `query parameter ${quoted(name)}`;
  const value = parameterJson(field, text, source);
  const present = object[field.jsonName];
  if (field.fieldKind === "list") {
    if (present === undefined) object[field.jsonName] = [value];
    else (present as JsonValue[]).push(value);
    return;
  }
  if (present !== undefined) throw new HttpError("REPEATED_QUERY_PARAMETER", `${source} is given twice`);
  object[field.jsonName] = value;
}

function fieldOf(message: DescMessage, name: string): DescField | undefined {
  return message.fields.find((field) => field.name === name || field.jsonName === name);
}

function blanksIn(raw: string): string {
  return raw.includes("+") ? raw.replaceAll("+", " ") : raw;
}

function decode(raw: string): string {
  if (!raw.includes("%")) return raw;
  try {
    return decodeURIComponent(raw);
  } catch {
    throw new HttpError("MALFORMED_QUERY", "the query has broken percent-encoding or is not UTF-8");
  }
}

function unknownParameter(message: DescMessage, name: string): HttpError {
  return new HttpError(
    "UNKNOWN_QUERY_PARAMETER",
    `query parameter ${quoted(name)} names no field of ${message.typeName} that a query can set`,
  );
}

/** Without a prototype, so that a field may be called `constructor`. */
export function emptyObject(): JsonObject {
  return Object.create(null) as JsonObject;
}
