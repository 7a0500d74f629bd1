// SPDX-License-Identifier: Apache-2.0

import type { StatusError } from "../grpc/mod.ts";
import { errorFactory, Status } from "../grpc/mod.ts";

import type { HttpErrorCode } from "./http/http-error.ts";

/** Why the public port itself refuses or ends a call. What is behind it has codes of its own, and so has gRPC. */
export type EndpointErrorCode =
  /** JSON in a WebSocket is refused as it is in a request of HTTP. */
  | HttpErrorCode
  /** The bytes are not a message of the declared type. Nothing was done. */
  | "MALFORMED_MESSAGE"
  /** The idempotency key is empty or too long. Nothing was done. */
  | "BAD_IDEMPOTENCY_KEY"
  /** The metadata has more values than an action may get. Nothing was done. */
  | "METADATA_TOO_LARGE"
  /** A request for health or reflection is larger than any that makes sense. */
  | "MESSAGE_TOO_LARGE"
  /** Health was asked of a service that is not served. */
  | "UNKNOWN_SERVICE"
  /** A message came in a WebSocket frame of the type that its subprotocol does not use. */
  | "WRONG_FRAME_TYPE"
  /** More messages came over a WebSocket than the method takes. */
  | "MESSAGE_COUNT"
  /** Too many bytes of half-received messages wait, of all callers or of this one. */
  | "RECEIVE_BUFFER_FULL"
  /** The proxy is about to end. */
  | "PROXY_STOPPING";

export const endpointError = errorFactory<EndpointErrorCode>();

/** The proxy is about to end. */
export function proxyStopping(): StatusError<EndpointErrorCode> {
  return endpointError(Status.UNAVAILABLE, "PROXY_STOPPING", "the proxy is about to end");
}
