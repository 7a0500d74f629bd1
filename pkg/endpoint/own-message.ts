// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";

import { Status, StatusError } from "../grpc/mod.ts";

/** More than any request for health or reflection has; names of services are not longer. */
const MAX_BYTES = 65_536;

/**
 * Reads a request to a service of the proxy itself. Its size is bounded because it is parsed: requests to user
 * functions may have 12 MiB of unknown fields, but they are not parsed here.
 *
 * @throws StatusError `MESSAGE_TOO_LARGE`, `MALFORMED_MESSAGE`
 */
export function readOwnMessage<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
): MessageShape<Desc> {
  if (bytes.length > MAX_BYTES) {
    const text = `a ${schema.name} has at most ${MAX_BYTES} bytes`;
    throw new StatusError(Status.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE", text);
  }
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch (error) {
    throw new StatusError(Status.INVALID_ARGUMENT, "MALFORMED_MESSAGE", `not a ${schema.name}`, {
      cause: error,
    });
  }
}
