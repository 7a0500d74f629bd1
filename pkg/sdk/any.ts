// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";

import { ProtocolError, textOf, UnreadableMessage } from "./error.ts";

const TYPE_PREFIX = "type.googleapis.com/";

/** The message as an `Any` under Cloudstate's prefix. */
export function pack<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Any {
  return {
    $typeName: "google.protobuf.Any",
    typeUrl: TYPE_PREFIX + schema.typeName,
    value: toBinary(schema, message),
  };
}

/** The full message name in an `Any`. The part before the last slash does not matter. */
export function typeNameOf(any: Any): string {
  return any.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1);
}

/**
 * The message in an `Any` of a known type.
 *
 * @throws ProtocolError, UnreadableMessage; `what` begins the text.
 */
export function unpack<Desc extends DescMessage>(
  schema: Desc,
  any: Any | undefined,
  what: string,
): MessageShape<Desc> {
  if (any === undefined) throw new ProtocolError(`${what} has no payload`);
  if (typeNameOf(any) !== schema.typeName) {
    throw new ProtocolError(`${what} carries ${any.typeUrl}, not ${schema.typeName}`);
  }
  try {
    return fromBinary(schema, any.value);
  } catch (error) {
    throw new UnreadableMessage(`${what} carries bytes that are no ${schema.typeName}: ${textOf(error)}`, {
      cause: error,
    });
  }
}
