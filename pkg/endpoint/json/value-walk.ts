// SPDX-License-Identifier: Apache-2.0

import type {
  DescExtension,
  DescField,
  DescMessage,
  JsonObject,
  JsonValue,
  Registry,
  ScalarType,
} from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";

import { onceForEach } from "../../base/mod.ts";

import { extensionOf, isObject, typeOf } from "./json-tree.ts";
import { hasFieldsInJson, shapeOf } from "./message-shape.ts";

export interface WalkContext {
  /** Resolves the `Any`s and the extensions. */
  readonly types: Registry;
}

/**
 * Returns the replacement of a JSON value: the same value, if it may stay.
 *
 * @param twin the value at the same place of a second JSON with the same structure; undefined if there is none.
 */
export type Change<C> = (json: JsonValue, twin: JsonValue | undefined, context: C) => JsonValue;

/** The place of a value, for error texts: a field, or the message itself if the value stands alone or in an `Any`. */
export type Place = DescField | DescExtension | DescMessage;

/** The changes to the values of a message's JSON, by the kind of value; undefined if values of a kind stay. */
export interface Changes<C> {
  /** A number, text, truth value or bytes, also of a wrapper. */
  scalar(type: ScalarType, place: Place): Change<C> | undefined;
  enumValue?(place: Place): Change<C> | undefined;
  /** Checks the key of a map's entry. */
  mapKey?(type: ScalarType, place: Place): ((key: string) => void) | undefined;
  /** A message that JSON does not write as an object of its fields, but for an `Any` and the wrappers. */
  special(desc: DescMessage, place: Place): Change<C> | undefined;
  /** Looks at an `Any` whose type is known, before the values in it. */
  packed?(desc: DescMessage, json: JsonObject, context: C): void;
}

/**
 * Walks through the JSON of messages (protobuf's mapping) and changes values in place, in lists, maps, oneofs, nested
 * messages, `Any`s and extensions. Values that do not fit the message stay as they are. Which fields need a visit is
 * found out once for each message type, and only these are visited.
 *
 * The JSON must not be deeper than `MAX_JSON_DEPTH`.
 *
 * @param has `some` fields if the JSON comes from outside; `all` of them, by their JSON name, if protobuf-es wrote it.
 */
export function messageChange<C extends WalkContext>(
  has: "some" | "all",
  changes: Changes<C>,
): (desc: DescMessage) => Change<C> | undefined {
  return new MessageWalk(has, changes).ofMessage;
}

class MessageWalk<C extends WalkContext> {
  readonly #has: "some" | "all";
  readonly #changes: Changes<C>;

  constructor(has: "some" | "all", changes: Changes<C>) {
    this.#has = has;
    this.#changes = changes;
  }

  /** The change of a whole message; undefined if no message of its type has anything to change. */
  readonly ofMessage = onceForEach((desc: DescMessage): Change<C> | undefined => {
    if (!hasFieldsInJson(desc)) return this.#ofSpecial(desc, desc);
    return this.#concerns(desc) ? this.#ofFields(desc) : undefined;
  });

  readonly #ofExtension = onceForEach((extension: DescExtension) => this.#ofField(extension));

  #ofSpecial(desc: DescMessage, place: Place): Change<C> | undefined {
    if (shapeOf(desc).form === "any") return this.#ofAny;
    return isWrapperDesc(desc)
      ? this.#changes.scalar(desc.fields[0].scalar, place)
      : this.#changes.special(desc, place);
  }

  /** Whether the message, or any message nested in it, has values to change. A message type may contain itself. */
  #concerns(desc: DescMessage): boolean {
    const seen = new Set([desc]);
    for (const message of seen) {
      if (message.proto.extensionRange.length > 0) return true;
      if (!hasFieldsInJson(message)) {
        if (this.#ofSpecial(message, message) !== undefined) return true;
        continue;
      }
      for (const field of message.fields) {
        if (field.message !== undefined) seen.add(field.message);
        else if (this.#ofElement(field) !== undefined) return true;
        if (field.fieldKind === "map" && this.#changes.mapKey?.(field.mapKey, field) !== undefined)
          return true;
      }
    }
    return false;
  }

  #ofFields(desc: DescMessage): Change<C> {
    const byKey = new Map<string, Change<C>>();
    for (const field of desc.fields) {
      const change = this.#ofField(field);
      if (change === undefined) continue;
      byKey.set(field.jsonName, change);
      if (this.#has === "some") byKey.set(field.name, change);
    }
    const isExtensible = desc.proto.extensionRange.length > 0;
    if (this.#has === "all" && !isExtensible) return ofMembers([...byKey]);
    return (json, twin, context) => {
      if (!isObject(json)) return json;
      for (const key of Object.keys(json)) {
        const change = byKey.get(key) ?? (isExtensible ? this.#ofMember(key, context.types) : undefined);
        if (change !== undefined) changeAt(json, key, change, twin, context);
      }
      return json;
    };
  }

  #ofField(field: DescField | DescExtension): Change<C> | undefined {
    const change = this.#ofElement(field);
    if (field.fieldKind === "list") return change === undefined ? undefined : ofList(change);
    if (field.fieldKind === "map") {
      const checkKey = this.#changes.mapKey?.(field.mapKey, field);
      return change === undefined && checkKey === undefined ? undefined : ofMap(change, checkKey);
    }
    return change;
  }

  /** The change of a field's value, or of one element of its list or map. */
  #ofElement(field: DescField | DescExtension): Change<C> | undefined {
    const { message } = field;
    if (message !== undefined) {
      if (!hasFieldsInJson(message)) return this.#ofSpecial(message, field);
      if (!this.#concerns(message)) return undefined;
      // Looked up at the first use, because a message type may contain itself.
      let change: Change<C> | undefined;
      return (json, twin, context) => {
        change ??= this.ofMessage(message);
        return change === undefined ? json : change(json, twin, context);
      };
    }
    if (field.enum !== undefined) return this.#changes.enumValue?.(field);
    return field.scalar === undefined ? undefined : this.#changes.scalar(field.scalar, field);
  }

  #ofMember(key: string, types: Registry): Change<C> | undefined {
    const extension = extensionOf(key, types);
    return extension && this.#ofExtension(extension);
  }

  readonly #ofAny: Change<C> = (json, twin, context) => {
    if (!isObject(json)) return json;
    const url = json["@type"];
    if (typeof url !== "string") return json;
    const desc = typeOf(url, context.types);
    if (desc === undefined) return json;
    this.#changes.packed?.(desc, json, context);
    const change = this.ofMessage(desc);
    if (change === undefined) return json;
    if (hasFieldsInJson(desc)) return change(json, twin, context);
    if (Object.hasOwn(json, "value")) changeAt(json, "value", change, twin, context);
    return json;
  };
}

/** Looks up each member that needs a change, instead of going through all members of the object. */
function ofMembers<C>(members: readonly (readonly [key: string, change: Change<C>])[]): Change<C> {
  return (json, twin, context) => {
    if (!isObject(json)) return json;
    for (const [key, change] of members)
      if (Object.hasOwn(json, key)) changeAt(json, key, change, twin, context);
    return json;
  };
}

function ofList<C>(change: Change<C>): Change<C> {
  return (json, twin, context) => {
    if (!Array.isArray(json)) return json;
    const twins = Array.isArray(twin) ? twin : undefined;
    for (let index = 0; index < json.length; index++) {
      const before = json[index] as JsonValue;
      const after = change(before, twins?.[index], context);
      if (after !== before) json[index] = after;
    }
    return json;
  };
}

function ofMap<C>(change: Change<C> | undefined, checkKey: ((key: string) => void) | undefined): Change<C> {
  return (json, twin, context) => {
    if (!isObject(json)) return json;
    for (const key of Object.keys(json)) {
      checkKey?.(key);
      if (change !== undefined) changeAt(json, key, change, twin, context);
    }
    return json;
  };
}

/** Callers pass only the object's own keys, so `__proto__` never means the prototype. */
function changeAt<C>(
  json: JsonObject,
  key: string,
  change: Change<C>,
  twin: JsonValue | undefined,
  context: C,
): void {
  const before = json[key] as JsonValue;
  const after = change(before, isObject(twin) ? twin[key] : undefined, context);
  if (after !== before) json[key] = after;
}
