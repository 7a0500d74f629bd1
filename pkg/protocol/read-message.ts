// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, MessageShape, Registry } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";

import { countFields } from "./count-fields.ts";
import { MessageError } from "./message-error.ts";

/** Messages up to this size are not counted, because they become few objects, and most messages are this small. */
const SMALL_BYTES = 65_536;

/**
 * Reads a message of the user function, without unknown fields. A message of more than 64 KiB may have at most
 * `maxFields` fields, counted by `countFields` (I11).
 *
 * @throws MessageError if it has more fields; Error if the bytes are not such a message.
 */
export function readMessage<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
  maxFields: number,
): MessageShape<Desc> {
  checkFields(schema, bytes, maxFields);
  return fromBinary(schema, bytes, { readUnknownFields: false });
}

/** @throws MessageError, Error as `readMessage` does. */
export function checkFields(
  schema: DescMessage,
  bytes: Uint8Array,
  maxFields: number,
  extensions?: Registry,
): void {
  if (bytes.length <= SMALL_BYTES || countFields(schema, bytes, maxFields, extensions) <= maxFields) return;
  const text = `a ${schema.typeName} message has more than ${maxFields} fields, as --max-message-fields allows`;
  throw new MessageError("MESSAGE_TOO_MANY_FIELDS", text);
}
