// SPDX-License-Identifier: Apache-2.0

import { WireType } from "@bufbuild/protobuf/wire";

import {
  CommandMessageSchema,
  encodedText,
  encodedTypeUrl,
  messageTypeUrl,
  writeAny,
  writeMessage,
} from "../../protocol/mod.ts";
import type { EntityMethod } from "../../userfunction/mod.ts";

import type { EntityCommand } from "../command.ts";

const { entityId: ENTITY_ID, id: ID, name: NAME, payload: PAYLOAD } = CommandMessageSchema.field;

/**
 * Encodes a message of a stream that holds a command, for every kind of entity. The command has no metadata, because
 * Cloudstate gives entities none.
 *
 * @param field the number of the field of the message that holds the command.
 */
export function encodeCommand(
  field: number,
  id: bigint,
  { method, entityId, payload }: EntityCommand,
): Uint8Array {
  const { name, typeUrl } = fixedFieldsOf(method);
  return writeMessage((writer) => {
    writer.tag(field, WireType.LengthDelimited).fork();
    writer.tag(ENTITY_ID.number, WireType.LengthDelimited).string(entityId);
    writer.tag(ID.number, WireType.Varint).int64(id).raw(name);
    writeAny(writer, PAYLOAD.number, typeUrl, payload);
    writer.join();
  });
}

/** What is the same in all commands of a method, encoded. */
interface FixedFields {
  readonly name: Uint8Array;
  readonly typeUrl: Uint8Array;
}

const fixedFields = new WeakMap<EntityMethod, FixedFields>();

function fixedFieldsOf(method: EntityMethod): FixedFields {
  let fields = fixedFields.get(method);
  if (fields === undefined) {
    const { name, input } = method.desc;
    fields = {
      name: encodedText(NAME.number, name),
      typeUrl: encodedTypeUrl(messageTypeUrl(input.typeName)),
    };
    fixedFields.set(method, fields);
  }
  return fields;
}
