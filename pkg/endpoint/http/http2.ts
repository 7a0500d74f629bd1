// SPDX-License-Identifier: Apache-2.0

import { constants } from "node:http2";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";

import type { Logger } from "../../base/mod.ts";
import type { BodyReader } from "./body.ts";
import { ERROR_CODE_HEADER } from "./exchange.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "./exchange.ts";

export interface Http2Context {
  readonly handle: HttpHandler;
  readonly bodies: BodyReader;
  readonly logger: Logger;
}

/** Serves one stream of HTTP/2 that does not speak gRPC. */
export function serveHttp2Stream(
  context: Http2Context,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  rawHeaders: readonly string[],
): void {
  // A stream that breaks is seen by its "close"; without a listener the error would end the process (I12).
  stream.on("error", () => undefined);
  const answered = context
    .handle(toHttpRequest(stream, headers, rawHeaders, context.bodies))
    .then((answer) => writeAnswer(stream, answer));
  answered.catch((error: unknown) => {
    context.logger.error("answer could not be written", { error });
    stream.destroy();
  });
}

function toHttpRequest(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  rawHeaders: readonly string[],
  bodies: BodyReader,
): HttpRequest {
  return {
    method: headers[":method"] ?? "",
    target: headers[":path"] ?? "",
    contentType: headers["content-type"],
    headers,
    rawHeaders,
    hasBody: !stream.endAfterHeaders,
    readBody: async () => {
      bodies.checkLength(headers["content-length"]);
      return bodies.read(stream);
    },
    onCancel: (listener) => {
      if (stream.destroyed) return listener();
      stream.once("close", () => {
        if (!stream.headersSent) listener();
      });
    },
  };
}

function writeAnswer(stream: ServerHttp2Stream, answer: HttpResponse): void {
  if (stream.destroyed || stream.closed) return;
  const headers: Record<string, number | string | string[]> = {
    ":status": answer.status,
    "content-type": answer.contentType,
    "content-length": Buffer.byteLength(answer.body),
  };
  if (answer.headers !== undefined) addHeaders(headers, answer.headers);
  if (answer.errorCode !== undefined) headers[ERROR_CODE_HEADER] = answer.errorCode;
  if (!stream.readableEnded && !stream.endAfterHeaders) {
    // The rest of a refused body is not wanted: once the answer is out, the client is told to stop (RFC 9113, 8.1).
    stream.once("finish", () => stream.close(constants.NGHTTP2_NO_ERROR));
    stream.resume();
  }
  // To HEAD there is no body; Node has ended the stream by itself then.
  stream.respond(headers);
  if (!stream.writableEnded) stream.end(answer.body);
}

function addHeaders(headers: Record<string, number | string | string[]>, more: readonly string[]): void {
  for (let i = 0; i + 1 < more.length; i += 2) {
    const name = more[i] ?? "";
    const value = more[i + 1] ?? "";
    const existing = headers[name];
    if (existing === undefined) headers[name] = value;
    else headers[name] = Array.isArray(existing) ? [...existing, value] : [String(existing), value];
  }
}
