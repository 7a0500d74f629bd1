// SPDX-License-Identifier: Apache-2.0

/** The prefix of a message's full name in the `type_url` of an `Any` (Cloudstate 0.2, serialization of `Any`). */
const MESSAGE_PREFIX = "type.googleapis.com/";

/** The `type_url` of a protobuf message with this full name. */
export function messageTypeUrl(typeName: string): string {
  return MESSAGE_PREFIX + typeName;
}
