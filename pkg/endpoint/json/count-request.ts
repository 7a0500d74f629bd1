// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, JsonObject, JsonValue, Registry } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";

import { HttpError } from "../http/http-error.ts";
import { countTree, extensionOf, isObject, typeOf } from "./json-tree.ts";
import type { FieldShape, MessageShape } from "./message-shape.ts";
import { extensionShapeOf, shapeOf } from "./message-shape.ts";
import { tooManyValues } from "./scan.ts";

/** Characters of a number, date or enum name, because the time to parse a number grows faster than its length. */
const MAX_NUMBER_LENGTH = 1_000;

/** How deep `Any`s may be nested. Each level serializes its contents again, which multiplies the cost of a text. */
const MAX_ANYS = 10;

/**
 * Counts the keys and values that a message has in JSON with its defaults written out. It runs before the message is
 * made, because a JSON text may leave defaults out: `{}` may stand for fifty fields.
 *
 * 1. The count is never less than what `toJson` with defaults writes of the message that `fromJson` makes. Values
 *    that do not fit the message are skipped: `fromJson` refuses them, and everything that it has made by then is
 *    counted.
 * 2. The paths of a `FieldMask` count as values.
 * 3. It refuses values whose parsing time grows faster than their length: long numbers, and deeply nested `Any`s.
 *
 * @param json is not deeper than `MAX_JSON_DEPTH`.
 * @throws HttpError `JSON_TOO_MANY_VALUES`, `JSON_TOO_DEEP`, `WRONG_FIELD_TYPE`
 */
export function countRequestValues(
  desc: DescMessage,
  json: JsonValue,
  types: Registry,
  maxJsonValues: number,
): number {
  const walk = new Walk(types, maxJsonValues);
  walk.message(shapeOf(desc), json, 0);
  return walk.values;
}

class Walk {
  readonly #types: Registry;
  readonly #maxValues: number;
  /** Starts at one, for the message itself. */
  values = 1;

  constructor(types: Registry, maxValues: number) {
    this.#types = types;
    this.#maxValues = maxValues;
  }

  message(shape: MessageShape, json: JsonValue | undefined, anys: number): void {
    switch (shape.form) {
      case "fields":
        this.#add(shape.defaultValues);
        if (isObject(json)) this.#fields(shape, json, anys);
        return;
      case "any":
        if (isObject(json)) this.#any(json, anys);
        return;
      case "scalar":
        if (shape.byNumber.get(1)?.kind === "number") checkLength(json);
        return;
      case "mask":
        if (typeof json === "string") this.#mask(json);
        return;
      case "json":
        if (json !== undefined) this.#add(countTree(json) - 1);
        return;
    }
  }

  #fields(shape: MessageShape, json: JsonObject, anys: number): void {
    for (const key of Object.keys(json)) {
      const field = shape.byKey.get(key) ?? this.#extension(key);
      const value = json[key];
      if (field === undefined || value === undefined) continue;
      if (field.repeats === "list") {
        if (!Array.isArray(value)) continue;
        this.#add(value.length);
        for (const element of value) this.#element(field, element, anys);
      } else if (field.repeats === "map") {
        if (isObject(value)) this.#map(field, value, anys);
      } else {
        this.#add(field.ownValues);
        this.#element(field, value, anys);
      }
    }
  }

  #element(field: FieldShape, json: JsonValue, anys: number): void {
    if (field.message !== undefined) this.message(shapeOf(field.message), json, anys);
    else if (field.kind === "number") checkLength(json);
  }

  #map(field: FieldShape, json: JsonObject, anys: number): void {
    const keys = Object.keys(json);
    this.#add(2 * keys.length);
    for (const key of keys) {
      if (field.mapKey !== ScalarType.STRING) checkLength(key);
      const value = json[key];
      if (value !== undefined) this.#element(field, value, anys);
    }
  }

  #any(json: JsonObject, anys: number): void {
    const url = json["@type"];
    if (typeof url !== "string") return;
    if (anys === MAX_ANYS)
      throw new HttpError("JSON_TOO_DEEP", `more than ${MAX_ANYS} messages are inside each other as an Any`);
    const desc = typeOf(url, this.#types);
    if (desc === undefined) return;
    const shape = shapeOf(desc);
    const hasValue = shape.form !== "fields";
    this.#add(hasValue ? 4 : 2);
    this.message(shape, hasValue ? json["value"] : json, anys + 1);
  }

  #mask(json: string): void {
    this.#add(1);
    for (let at = json.indexOf(","); at !== -1; at = json.indexOf(",", at + 1)) this.#add(1);
  }

  #extension(key: string): FieldShape | undefined {
    const extension = extensionOf(key, this.#types);
    return extension && extensionShapeOf(extension);
  }

  #add(values: number): void {
    this.values += values;
    if (this.values > this.#maxValues) throw tooManyValues(this.#maxValues);
  }
}

function checkLength(json: JsonValue | undefined): void {
  if (typeof json !== "string" || json.length <= MAX_NUMBER_LENGTH) return;
  const text = `a number, date or name of an enum's value has ${json.length} characters; at most ${MAX_NUMBER_LENGTH} are read`;
  throw new HttpError("WRONG_FIELD_TYPE", text);
}
