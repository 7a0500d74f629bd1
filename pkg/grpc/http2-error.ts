// SPDX-License-Identifier: Apache-2.0

import { constants } from "node:http2";

import { toError } from "../base/mod.ts";

import { grpcError } from "./grpc-error.ts";
import { Status, StatusError } from "./status.ts";

// Translates the errors of Node's HTTP/2 and its sockets to gRPC. No other code in Perdure inspects those errors.

/** Status of an HTTP answer that carries no `grpc-status` (grpc/grpc `doc/http-grpc-status-mapping.md`). */
export function statusOfHttp(httpStatus: number): Status {
  return STATUS_OF_HTTP[httpStatus] ?? Status.UNKNOWN;
}

const STATUS_OF_HTTP: Readonly<Record<number, Status>> = {
  400: Status.INTERNAL,
  401: Status.UNAUTHENTICATED,
  403: Status.PERMISSION_DENIED,
  404: Status.UNIMPLEMENTED,
  429: Status.UNAVAILABLE,
  502: Status.UNAVAILABLE,
  503: Status.UNAVAILABLE,
  504: Status.UNAVAILABLE,
};

/** The error of a call whose stream closed before its status came (grpc/grpc `doc/PROTOCOL-HTTP2.md`, Errors). */
export function closedStreamError(rstCode: number, cause?: unknown): StatusError {
  if (NEVER_SENT.includes(codeOf(cause))) {
    const text = "the connection takes no further calls";
    return grpcError(Status.UNAVAILABLE, "CONNECTION_CLOSED", text, cause);
  }
  if (rstCode === constants.NGHTTP2_NO_ERROR)
    return grpcError(Status.INTERNAL, "NO_STATUS", "the response ended without a status", cause);
  const [name = `code ${rstCode}`, status = Status.INTERNAL] = RESETS[rstCode] ?? [];
  return grpcError(status, "STREAM_RESET", `the peer reset the stream with ${name}`, cause);
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

/** Codes of streams that failed before any of them was sent. */
const NEVER_SENT: readonly unknown[] = [
  "ERR_HTTP2_OUT_OF_STREAMS",
  "ERR_HTTP2_GOAWAY_SESSION",
  "ERR_HTTP2_INVALID_SESSION",
];

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/** Names of HTTP/2's error codes by number (RFC 9113, section 7), with the status of a call; if none, INTERNAL. */
const RESETS: readonly (readonly [name: string, status?: Status])[] = [
  ["NO_ERROR"],
  ["PROTOCOL_ERROR"],
  ["INTERNAL_ERROR"],
  ["FLOW_CONTROL_ERROR"],
  ["SETTINGS_TIMEOUT"],
  ["STREAM_CLOSED"],
  ["FRAME_SIZE_ERROR"],
  ["REFUSED_STREAM", Status.UNAVAILABLE],
  ["CANCEL", Status.CANCELLED],
  ["COMPRESSION_ERROR"],
  ["CONNECT_ERROR"],
  ["ENHANCE_YOUR_CALM", Status.RESOURCE_EXHAUSTED],
  ["INADEQUATE_SECURITY", Status.PERMISSION_DENIED],
  ["HTTP_1_1_REQUIRED"],
];
