// SPDX-License-Identifier: Apache-2.0

import type {
  DescExtension,
  DescField,
  DescMessage,
  JsonObject,
  JsonValue,
  Message,
  Registry,
} from "@bufbuild/protobuf";
import { fromBinary, getExtension, ScalarType, setExtension, toBinary } from "@bufbuild/protobuf";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { Any } from "@bufbuild/protobuf/wkt";

import { extensionOf, isObject, typeOf } from "./json-tree.ts";
import { mayHoldAny, shapeOf } from "./message-shape.ts";

/**
 * Sets the type URLs of the `Any`s in a message to those that its JSON names, because protobuf-es keeps only the name
 * of the type and always puts `type.googleapis.com/` in front of it.
 *
 * @param message was read from the JSON; changed in place.
 * @param types resolves the `Any`s and the extensions.
 */
export function keepTypeUrls(schema: DescMessage, message: Message, json: JsonValue, types: Registry): void {
  inMessage(reflect(schema, message), json, types);
}

function inMessage(target: ReflectMessage, json: JsonValue | undefined, types: Registry): void {
  const { desc, message } = target;
  if (!isObject(json) || !mayHoldAny(desc)) return;
  const { form } = shapeOf(desc);
  if (form === "any") inAny(message as Any, json, types);
  if (form !== "fields") return;
  for (const field of desc.fields) {
    const value = json[field.jsonName] ?? json[field.name];
    if (value !== undefined && field.message !== undefined) inField(target, field, value, types);
  }
  for (const key of Object.keys(json)) {
    const extension = extensionOf(key, types);
    if (extension !== undefined) inExtension(message, extension, json[key], types);
  }
}

function inField(target: ReflectMessage, field: DescField, json: JsonValue, types: Registry): void {
  if (field.fieldKind === "message") {
    if (target.isSet(field)) inMessage(target.get(field), json, types);
  } else if (field.fieldKind === "list" && Array.isArray(json)) {
    let index = 0;
    for (const item of target.get(field)) inMessage(item as ReflectMessage, json[index++], types);
  } else if (field.fieldKind === "map" && isObject(json)) {
    const byKey = new Map(Object.keys(json).map((key) => [plainKey(field.mapKey, key), json[key]]));
    for (const [key, item] of target.get(field))
      inMessage(item as ReflectMessage, byKey.get(String(key)), types);
  }
}

/** A map key without the leading zeros that whole numbers may have. */
function plainKey(type: ScalarType, key: string): string {
  return type === ScalarType.STRING || type === ScalarType.BOOL ? key : String(BigInt(key));
}

function inExtension(
  message: Message,
  extension: DescExtension,
  json: JsonValue | undefined,
  types: Registry,
): void {
  const { message: inner } = extension;
  if (inner === undefined) return;
  // Its type is known only at run time, because the extension came with the specification.
  const value: unknown = getExtension(message, extension);
  if (Array.isArray(value) && Array.isArray(json))
    value.forEach((item: Message, index) => inMessage(reflect(inner, item), json[index], types));
  else inMessage(reflect(inner, value as Message), json, types);
  setExtension(message, extension, value as never);
}

function inAny(any: Any, json: JsonObject, types: Registry): void {
  const url = json["@type"];
  const desc = typeof url === "string" ? typeOf(url, types) : undefined;
  if (typeof url !== "string" || desc === undefined) return;
  any.typeUrl = url;
  if (!mayHoldAny(desc)) return;
  const message = fromBinary(desc, any.value);
  inMessage(reflect(desc, message), shapeOf(desc).form === "any" ? json["value"] : json, types);
  any.value = toBinary(desc, message);
}
