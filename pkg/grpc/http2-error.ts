// SPDX-License-Identifier: Apache-2.0

import { constants } from "node:http2";

import { toError } from "../base/mod.ts";

import { grpcError } from "./grpc-error.ts";
import { Status, StatusError } from "./status.ts";

// Translates the errors of Node's HTTP/2 and its sockets to gRPC. No other code in Perdure inspects those errors.

/** Status of an HTTP answer that carries no `grpc-status` (grpc/grpc `doc/http-grpc-status-mapping.md`). */
export function statusOfHttp(httpStatus: number): Status {
  switch (httpStatus) {
    case 400:
      return Status.INTERNAL;
    case 401:
      return Status.UNAUTHENTICATED;
    case 403:
      return Status.PERMISSION_DENIED;
    case 404:
      return Status.UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
      return Status.UNAVAILABLE;
    default:
      return Status.UNKNOWN;
  }
}

/** The error of a call whose stream closed before its status came (grpc/grpc `doc/PROTOCOL-HTTP2.md`, Errors). */
export function closedStreamError(rstCode: number, cause?: unknown): StatusError {
  if (wasNeverSent(cause)) {
    const text = "the connection takes no further calls";
    return grpcError(Status.UNAVAILABLE, "CONNECTION_CLOSED", text, cause);
  }
  const text = `the peer reset the stream with ${resetName(rstCode)}`;
  switch (rstCode) {
    case constants.NGHTTP2_NO_ERROR:
      return grpcError(Status.INTERNAL, "NO_STATUS", "the response ended without a status", cause);
    case constants.NGHTTP2_REFUSED_STREAM:
      return grpcError(Status.UNAVAILABLE, "STREAM_RESET", text, cause);
    case constants.NGHTTP2_CANCEL:
      return grpcError(Status.CANCELLED, "STREAM_RESET", text, cause);
    case constants.NGHTTP2_ENHANCE_YOUR_CALM:
      return grpcError(Status.RESOURCE_EXHAUSTED, "STREAM_RESET", text, cause);
    case constants.NGHTTP2_INADEQUATE_SECURITY:
      return grpcError(Status.PERMISSION_DENIED, "STREAM_RESET", text, cause);
    default:
      return grpcError(Status.INTERNAL, "STREAM_RESET", text, cause);
  }
}

/** The error of a call whose connection broke. The peer may have carried out the call. */
export function lostConnectionError(cause: unknown): StatusError {
  if (cause instanceof StatusError) return cause;
  const reason = cause === undefined ? "" : `: ${toError(cause).message}`;
  return grpcError(Status.UNAVAILABLE, "CONNECTION_LOST", `the connection was lost${reason}`, cause);
}

/** A connection that could not be made. */
export function connectError(target: string, cause: unknown): StatusError {
  if (cause instanceof StatusError) return cause;
  // Node tries every address of a name, and reports all errors in one `AggregateError` with an empty text.
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  const reason = first === undefined ? "the peer closed it" : toError(first).message;
  const code = codeOf(first);
  if (code === "ECONNREFUSED") {
    return grpcError(Status.UNAVAILABLE, "CONNECT_REFUSED", `nothing listens on ${target}`, cause);
  }
  if (code === "ERR_HTTP2_ERROR" || code === "ERR_HTTP2_SESSION_ERROR") {
    const text = `what listens on ${target} does not speak HTTP/2, which gRPC needs`;
    return grpcError(Status.UNAVAILABLE, "WRONG_PROTOCOL", text, cause);
  }
  return grpcError(Status.UNAVAILABLE, "CONNECT_FAILED", `cannot connect to ${target}: ${reason}`, cause);
}

/** Whether a session has used up its stream numbers and must be replaced. */
export function isOutOfStreams(error: unknown): boolean {
  return codeOf(error) === "ERR_HTTP2_OUT_OF_STREAMS";
}

/** Whether a stream failed before any of it was sent. */
function wasNeverSent(error: unknown): boolean {
  const code = codeOf(error);
  return (
    code === "ERR_HTTP2_OUT_OF_STREAMS" ||
    code === "ERR_HTTP2_GOAWAY_SESSION" ||
    code === "ERR_HTTP2_INVALID_SESSION"
  );
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/** Names of HTTP/2 error codes by number (RFC 9113, section 7). */
const RESET_NAMES = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];

function resetName(rstCode: number): string {
  return RESET_NAMES[rstCode] ?? `code ${rstCode}`;
}
