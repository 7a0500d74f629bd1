// SPDX-License-Identifier: Apache-2.0

import type { DescField, DescMessage, JsonValue, Message } from "@bufbuild/protobuf";
import { clone, getOption, isFieldSet, mergeFromJson, ScalarType } from "@bufbuild/protobuf";

import { entity_key } from "../../protocol/gen/cloudstate/entity_key_pb.ts";
import { legacy_entity_key } from "../../protocol/gen/cloudstate/legacy_entity_key_pb.ts";

/** Between the fields of a key that has several. */
const SEPARATOR = "-";

/**
 * The command as it reaches the entity from a caller: key fields that are not set get the values that name the
 * entity, as the path of a request gives them. The command stays as it is if no values of these fields result in the
 * id, such as a number for `ann`, or two fields for `a-b-c`.
 */
export function withEntityKey(schema: DescMessage, command: Message, entityId: string): Message {
  const fields = schema.fields.filter(isEntityKey);
  const texts = fields.length === 1 ? [entityId] : entityId.split(SEPARATOR);
  if (texts.length !== fields.length) return command;
  const values: Record<string, JsonValue> = {};
  for (const [index, field] of fields.entries()) {
    if (!isFieldSet(command, field)) values[field.jsonName] = jsonOf(field, texts[index] ?? "");
  }
  try {
    // Cloned, because the command may be an object of the test.
    return Object.keys(values).length === 0 ? command : mergeFromJson(schema, clone(schema, command), values);
  } catch {
    return command;
  }
}

function isEntityKey(field: DescField): boolean {
  return getOption(field, entity_key) || getOption(field, legacy_entity_key);
}

/** The JSON value of a field that a proxy writes into an id as this text. */
function jsonOf(field: DescField, text: string): JsonValue {
  if (field.fieldKind === "enum") return Number(text);
  if (field.fieldKind !== "scalar" || field.scalar !== ScalarType.BOOL) return text;
  return text === "true" || text === "false" ? text === "true" : text;
}
