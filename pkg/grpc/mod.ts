// SPDX-License-Identifier: Apache-2.0

export type { CallEnd } from "./call-end.ts";
export { CallError } from "./call-end.ts";
export { CallState } from "./call-state.ts";
export type { Caller, CallerAccounts } from "./caller.ts";
export {
  assignCaller,
  callerAccounts,
  callerOf,
  endFlood,
  headBytes,
  newCaller,
  OpenRequest,
  REQUEST_BYTES,
} from "./caller.ts";
export type { ClientStream, StreamHandlers } from "./client-call.ts";
export { decompress } from "./compression.ts";
export { connect } from "./connect.ts";
export type { CallOptions, Connection } from "./connection.ts";
export type { CallProtocol, EndedCall } from "./ended-call.ts";
export { MAX_KEPT_BYTES } from "./framing.ts";
export type { GrpcErrorCode } from "./grpc-error.ts";
export { GrpcError } from "./grpc-error.ts";
export { isReservedName, Metadata as CallMetadata } from "./metadata.ts";
export type {
  BidiMethod,
  MethodHandler,
  ServerCall,
  ServerStreamCall,
  ServerStreamHandlers,
} from "./server-call.ts";
export type { ServerContext } from "./server-context.ts";
export { createServerContext } from "./server-context.ts";
export type { GrpcServerHandler } from "./server-handler.ts";
export { createGrpcServerHandler, isGrpcContentType } from "./server-handler.ts";
export { callMessages, onlyMessage } from "./server-messages.ts";
export type { Http2ServerLimits } from "./server-options.ts";
export { http2ServerOptions, tuneServerSession } from "./server-options.ts";
export type { PieceMeter } from "./small-pieces.ts";
export { SmallPieces } from "./small-pieces.ts";
export { errorFactory, isErrorStatus, Status, StatusError, statusName } from "./status.ts";
export { StreamHold } from "./stream-hold.ts";
export type { UnaryReply } from "./unary-call.ts";
export { pushMessage, waitingBytes } from "./waiting-message.ts";
export type { WebExchange } from "./web/web-exchange.ts";
export { createGrpcWebHandler, isGrpcWebContentType } from "./web/web-handler.ts";
