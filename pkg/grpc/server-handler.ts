// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";

import { describeError } from "../base/mod.ts";

import { BidiServerCall } from "./bidi-server-call.ts";
import { appendStatus } from "./call-end.ts";
import { checkAdmitted, findMethod, noCallHeader, requestEncoding } from "./call-setup.ts";
import { callerOf, OpenRequest } from "./caller.ts";
import type { Encoding } from "./compression.ts";
import { grpcError } from "./grpc-error.ts";
import { flattenHeaders } from "./metadata-headers.ts";
import type { MethodHandler } from "./server-call.ts";
import type { ServerContext } from "./server-context.ts";
import { RESPONSE_HEADERS, sendHeadersOnly } from "./server-response.ts";
import { Status, StatusError } from "./status.ts";
import { UnaryServerCall } from "./unary-server-call.ts";

/**
 * Serves one stream of `http2.Http2Server`: a listener for its `stream` event. Without the raw headers, several
 * values of one metadata name may come joined by commas.
 */
export type GrpcServerHandler = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags?: number,
  rawHeaders?: readonly string[],
) => void;

/** `application/grpc`, also with a message format; not `application/grpc-web`. */
export function isGrpcContentType(contentType: string | undefined): boolean {
  if (contentType === "application/grpc") return true;
  return contentType !== undefined && /^application\/grpc(?:$|[+;])/i.test(contentType);
}

/**
 * Answers gRPC calls, as `doc/PROTOCOL-HTTP2.md` of grpc/grpc specifies them. A missing `te` is accepted, because
 * proxies remove it.
 */
export function createGrpcServerHandler(context: ServerContext): GrpcServerHandler {
  return (stream, headers, _flags, rawHeaders) => {
    // First of all, because an error of a stream without a listener would end the process (I12).
    stream.on("error", ignore);
    const refusal = refuse(headers);
    if (refusal !== undefined) {
      sendHeadersOnly(stream, refusal);
      return;
    }
    const raw = rawHeaders ?? flattenHeaders(headers);
    try {
      const method = findMethod(context, headers[":path"] ?? "");
      const encoding = requestEncoding(headers);
      const caller = callerOf(stream.session, context.accounts);
      const request = new OpenRequest(caller, method.isReserved);
      checkAdmitted(request);
      // Health checks do not wait, because the places reserved for them are few.
      if (method.isReserved || context.turns.begin())
        startCall(context, method, request, stream, headers, raw, encoding);
      else {
        stream.once("close", () => request.close());
        context.turns.wait(caller, () =>
          startLater(context, method, request, stream, headers, raw, encoding),
        );
      }
    } catch (error) {
      refuseCall(context, stream, headers, error);
    }
  };
}

const ignore = (): void => undefined;

/** The plain HTTP answer to a request that is not a gRPC call; undefined for a gRPC call. */
function refuse(headers: IncomingHttpHeaders): string[] | undefined {
  if (headers[":method"] !== "POST")
    return [":status", "405", "allow", "POST", ...noCallHeader("METHOD_NOT_ALLOWED")];
  if (!isGrpcContentType(headers["content-type"]))
    return [":status", "415", ...noCallHeader("UNSUPPORTED_CONTENT_TYPE")];
  return undefined;
}

/** Begins a call that waited for its turn. False: its caller has gone meanwhile. */
function startLater(
  context: ServerContext,
  method: MethodHandler,
  request: OpenRequest,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  raw: readonly string[],
  encoding: Encoding,
): boolean {
  if (stream.destroyed || stream.closed) return false;
  try {
    startCall(context, method, request, stream, headers, raw, encoding);
  } catch (error) {
    refuseCall(context, stream, headers, error);
  }
  return true;
}

function refuseCall(
  context: ServerContext,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  thrown: unknown,
): void {
  const failure = toStatusError(context, headers, thrown);
  sendHeadersOnly(stream, statusHeaders(failure));
  recordRefusal(context, headers, failure);
}

function startCall(
  context: ServerContext,
  method: MethodHandler,
  request: OpenRequest,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  raw: readonly string[],
  encoding: Encoding,
): void {
  const call =
    method.kind === "unary"
      ? new UnaryServerCall(context, request, stream, headers, raw, encoding, method)
      : new BidiServerCall(context, request, stream, headers, raw, encoding, method);
  const timeout = headers["grpc-timeout"] as string | undefined;
  try {
    if (timeout !== undefined) call.startDeadline(timeout);
  } catch (error) {
    call.failWith(error);
    return;
  }
  call.start();
}

/** Records a request that was refused before it became a call. */
function recordRefusal(
  { options }: ServerContext,
  headers: IncomingHttpHeaders,
  { status, code }: StatusError,
): void {
  const openedMs = options.clock.monotonicMs();
  const path = headers[":path"] ?? "";
  options.onEnd?.({ protocol: "grpc", path, bytes: undefined, openedMs, status, code });
}

function toStatusError(context: ServerContext, headers: IncomingHttpHeaders, thrown: unknown): StatusError {
  if (thrown instanceof StatusError) return thrown;
  const { logger } = context.options;
  logger.error("call could not begin", { path: headers[":path"], error: describeError(thrown), thrown });
  return grpcError(Status.INTERNAL, "HANDLER_FAILED", "the method failed");
}

function statusHeaders(error: StatusError): readonly string[] {
  const headers = [...RESPONSE_HEADERS];
  appendStatus(headers, error);
  return headers;
}
