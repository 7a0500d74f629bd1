// SPDX-License-Identifier: Apache-2.0

export type { CallEnd } from "./call-end.ts";
export { CallError } from "./call-end.ts";
export { CallState } from "./call-state.ts";
export type { Caller, CallerAccounts } from "./caller.ts";
export { assignCaller, callerAccounts, callerOf, newCaller, OpenRequest, REQUEST_BYTES } from "./caller.ts";
export type { ClientStream, StreamHandlers } from "./client-call.ts";
export type { ConnectOptions } from "./client-options.ts";
export { decompress } from "./compression.ts";
export { connect } from "./connect.ts";
export type { CallOptions, Connection } from "./connection.ts";
export type { CallProtocol, EndedCall } from "./ended-call.ts";
export type { GrpcErrorCode } from "./grpc-error.ts";
export { GrpcError } from "./grpc-error.ts";
export type { Metadata, MetadataValue } from "./metadata.ts";
export { isReservedName } from "./metadata.ts";
export type {
  BidiMethod,
  MethodHandler,
  ServerCall,
  ServerStreamCall,
  ServerStreamHandlers,
  UnaryMethod,
} from "./server-call.ts";
export type { ServerContext } from "./server-context.ts";
export { createServerContext } from "./server-context.ts";
export type { GrpcServerHandler } from "./server-handler.ts";
export { createGrpcServerHandler, isGrpcContentType } from "./server-handler.ts";
export { callMessages, onlyMessage } from "./server-messages.ts";
export type { GrpcServerOptions, Http2ServerLimits } from "./server-options.ts";
export { http2ServerOptions, tuneServerSession } from "./server-options.ts";
export { errorFactory, isErrorStatus, Status, StatusError, statusName } from "./status.ts";
export type { UnaryReply } from "./unary-call.ts";
export type { WebExchange } from "./web/web-exchange.ts";
export { createGrpcWebHandler, isGrpcWebContentType } from "./web/web-handler.ts";
