// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";

import { describeError } from "../base/mod.ts";

import { BidiServerCall } from "./bidi-server-call.ts";
import { appendStatus } from "./call-end.ts";
import { checkAdmitted, findMethod, noCallHeader, requestEncoding } from "./call-setup.ts";
import { callerOf, headBytes, OpenRequest } from "./caller.ts";
import type { Encoding } from "./compression.ts";
import { grpcError } from "./grpc-error.ts";
import { flattenHeaders } from "./metadata-headers.ts";
import type { MethodHandler } from "./server-call.ts";
import type { ServerContext } from "./server-context.ts";
import { HEAD_BYTES_OF_A_PIECE } from "./server-context.ts";
import { RESPONSE_HEADERS, sendHeadersOnly } from "./server-response.ts";
import { Status, StatusError } from "./status.ts";
import { StreamHold } from "./stream-hold.ts";
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

/** Answers gRPC calls (grpc/grpc `doc/PROTOCOL-HTTP2.md`). `te` may be missing, because proxies remove it. */
export function createGrpcServerHandler(context: ServerContext): GrpcServerHandler {
  return (stream, headers, _flags, rawHeaders) => {
    // First of all, because an error of a stream without a listener would end the process (I12).
    stream.on("error", ignore);
    const refusal = refuse(headers);
    if (refusal !== undefined) return sendHeadersOnly(stream, refusal);
    const raw = rawHeaders ?? flattenHeaders(headers);
    try {
      const method = findMethod(context, headers[":path"] ?? "");
      const encoding = requestEncoding(headers);
      const caller = callerOf(stream.session, context.accounts, context.options);
      const head = headBytes(raw);
      const request = method.isReserved
        ? context.reserve.open(caller, head, stream)
        : new OpenRequest(caller, head);
      checkAdmitted(request);
      const weight = 1 + Math.floor(head / HEAD_BYTES_OF_A_PIECE);
      // Health checks do not wait, because the places reserved for them are few.
      if (method.isReserved || context.turns.begin(weight))
        startCall(context, method, request, stream, headers, raw, encoding);
      else {
        const hold = new StreamHold(stream, request.bytes, request, (error) => {
          hold.drop();
          refuseCall(context, stream, headers, error);
        });
        hold.beginUnread();
        stream.once("close", () => request.close());
        context.turns.wait(
          caller,
          () => {
            hold.end();
            const isNeeded = !stream.destroyed && !stream.closed;
            if (isNeeded) startCall(context, method, request, stream, headers, raw, encoding);
            return isNeeded;
          },
          weight,
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

/** Answers a request that was refused before it became a call. */
function refuseCall(
  context: ServerContext,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  thrown: unknown,
): void {
  const failure = toStatusError(context, headers, thrown);
  const answer = [...RESPONSE_HEADERS];
  appendStatus(answer, failure);
  sendHeadersOnly(stream, answer);
  const { onEnd, onStatus, clock } = context.options;
  const path = headers[":path"] ?? "";
  const { status, code } = failure;
  onStatus?.("grpc", status, 0);
  onEnd?.({ protocol: "grpc", path, bytes: undefined, openedMs: clock.monotonicMs(), status, code });
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
      ? new UnaryServerCall(context, method, request, stream, headers, raw, encoding)
      : new BidiServerCall(context, method, request, stream, headers, raw, encoding);
  try {
    call.startDeadline();
    call.start();
  } catch (error) {
    call.failWith(error);
  }
}

function toStatusError(context: ServerContext, headers: IncomingHttpHeaders, thrown: unknown): StatusError {
  if (thrown instanceof StatusError) return thrown;
  const { logger } = context.options.telemetry;
  logger.error("call could not begin", { path: headers[":path"], error: describeError(thrown), thrown });
  return grpcError(Status.INTERNAL, "HANDLER_FAILED", "the method failed");
}
