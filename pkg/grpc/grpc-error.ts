// SPDX-License-Identifier: Apache-2.0

import { Status, StatusError } from "./status.ts";

/** Why a call failed on this side of its connection. What the peer itself ends a call with is a `CallError`. */
export type GrpcErrorCode =
  /** The call was cancelled by its caller. */
  | "CANCELLED"
  /** The time that the caller gave is over. */
  | "DEADLINE_EXCEEDED"
  /** No connection could be made. */
  | "CONNECT_FAILED"
  /** Nothing listens at the address. */
  | "CONNECT_REFUSED"
  /** Making the connection took too long. */
  | "CONNECT_TIMEOUT"
  /** The peer answers, but not with HTTP/2, which gRPC needs. */
  | "WRONG_PROTOCOL"
  /** The connection ended, or takes no further calls; this call was not made. */
  | "CONNECTION_CLOSED"
  /** The connection broke while the call was open. */
  | "CONNECTION_LOST"
  /** The peer did not answer a ping in time. */
  | "KEEPALIVE_TIMEOUT"
  /** As many streams are open as the peer allows. */
  | "STREAM_LIMIT"
  /** The peer reset the stream. */
  | "STREAM_RESET"
  /** More bytes wait to be sent than the bound allows, because the reader is slow. */
  | "SEND_BUFFER_FULL"
  /** A message is larger than the receiver takes. */
  | "MESSAGE_TOO_LARGE"
  /** The memory for requests and responses is used up, or this caller's share of it. */
  | "RECEIVE_BUFFER_FULL"
  /** The received bytes are not a gRPC message. */
  | "BAD_FRAME"
  /** A compressed message cannot be read. */
  | "BAD_COMPRESSION"
  /** A compression that the receiver does not know. */
  | "UNKNOWN_ENCODING"
  /** A content type whose messages are no protobuf. */
  | "UNKNOWN_FORMAT"
  /** No message, or more than one, where the method takes exactly one. */
  | "MESSAGE_COUNT"
  /** The peer does not speak gRPC. */
  | "BAD_RESPONSE"
  /** The response ended without a status. */
  | "NO_STATUS"
  /** The `grpc-timeout` cannot be parsed. */
  | "BAD_TIMEOUT"
  /** A name or value that metadata cannot have. */
  | "BAD_METADATA"
  /** More metadata than may be sent. */
  | "METADATA_TOO_LARGE"
  /** The server has no such method. */
  | "UNKNOWN_METHOD"
  /** The server has as many calls open as it takes. */
  | "TOO_MANY_CALLS"
  /** A connection's requests came in too many pieces that are too small. */
  | "TOO_MANY_PIECES"
  /** A request did not arrive whole in time. */
  | "REQUEST_TIMEOUT"
  /** The method, or a handler of messages, failed with an unexpected error. */
  | "HANDLER_FAILED";

/**
 * A call failed on this side, or no connection could be made. It has a class of its own, because callers must tell it
 * from a `CallError`, whose code the peer chose.
 */
export class GrpcError extends StatusError<GrpcErrorCode> {}

export function grpcError(status: Status, code: GrpcErrorCode, text: string, cause?: unknown): GrpcError {
  return new GrpcError(status, code, text, cause === undefined ? undefined : { cause });
}

/** There is no memory for more of this caller's bytes. */
export function bufferFull(): GrpcError {
  const text = "too many bytes of requests and responses are waiting; try again later";
  return grpcError(Status.RESOURCE_EXHAUSTED, "RECEIVE_BUFFER_FULL", text);
}

/** The request came in too many pieces that are too small. */
export function tooManyPieces(): GrpcError {
  const text = "the request comes in too many pieces of a few bytes; send larger ones";
  return grpcError(Status.RESOURCE_EXHAUSTED, "TOO_MANY_PIECES", text);
}

/** The error of a call that its caller gave up. */
export function cancelled(): GrpcError {
  return grpcError(Status.CANCELLED, "CANCELLED", "the call was cancelled");
}
