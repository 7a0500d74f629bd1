// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";

import type { StatusError } from "../grpc/mod.ts";
import { Status } from "../grpc/mod.ts";

import type { EndpointErrorCode } from "./endpoint-error.ts";
import { endpointError } from "./endpoint-error.ts";

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
    throw endpointError(Status.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE", text);
  }
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch (error) {
    throw notOwnMessage(schema, error);
  }
}

/** The refusal of a request that cannot be read or answered. */
export function notOwnMessage({ name }: DescMessage, cause: unknown): StatusError<EndpointErrorCode> {
  return endpointError(Status.INVALID_ARGUMENT, "MALFORMED_MESSAGE", `not a ${name}`, cause);
}
