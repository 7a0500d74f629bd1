// SPDX-License-Identifier: Apache-2.0

import type { IncomingMessage, ServerResponse } from "node:http";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";

import { FRAGMENT, headProblem } from "../../base/mod.ts";

import { TEXT_TYPE } from "./error-response.ts";
import type { HttpResponse } from "./exchange.ts";
import { headerList } from "./exchange.ts";
import { HttpError, methodNotAllowed } from "./http-error.ts";

/** The refusal of a request whose head another parser may read differently; undefined if there is no such problem. */
export function badHttp1Head(request: IncomingMessage): HttpResponse | undefined {
  const problem = headProblem(request);
  if (problem === undefined) return undefined;
  const isMalformed = problem.kind === "malformed";
  return refusal(new HttpError(isMalformed ? "MALFORMED_REQUEST" : "UNKNOWN_TRANSFER_CODING", problem.text));
}

/** The same for HTTP/2, where `host` may repeat `:authority` (RFC 9113, 8.3.1). nghttp2 refuses several `host`s. */
export function badHttp2Head(headers: IncomingHttpHeaders): HttpResponse | undefined {
  const { host, ":authority": authority, ":path": path } = headers;
  if (typeof path === "string" && path.includes("#"))
    return refusal(new HttpError("MALFORMED_REQUEST", FRAGMENT));
  if (host === undefined || authority === undefined || host === authority) return undefined;
  if (host.toLowerCase() === authority.toLowerCase()) return undefined;
  return refusal(new HttpError("MALFORMED_REQUEST", "the host header differs from :authority"));
}

/** The refusal of an expectation that nothing here fulfils (RFC 9110, 10.1.1). */
export function unknownExpectation(): HttpResponse {
  return refusal(
    new HttpError("UNKNOWN_EXPECTATION", "the only expectation that is known here is 100-continue"),
  );
}

/** The refusal of CONNECT, which asks for a tunnel (RFC 9110, 9.3.6): this is no proxy of that kind. */
export function refusedTunnel(): HttpResponse {
  return refusal(methodNotAllowed("CONNECT", []));
}

/** Refuses, and closes the connection when the answer is out. */
export function refuseHttp1(response: ServerResponse, answer: HttpResponse): void {
  response.writeHead(answer.status, [...headersOf(answer), "connection", "close"]).end(answer.body);
}

/** Refuses only this stream, because HTTP/2 frames the other streams of its connection separately. */
export function refuseHttp2(stream: ServerHttp2Stream, answer: HttpResponse): void {
  // Without a listener an error of the stream would end the process (I12).
  stream.on("error", () => undefined);
  if (stream.destroyed || stream.closed) return;
  stream.respond([":status", String(answer.status), ...headersOf(answer)]);
  stream.end(answer.body);
  stream.resume();
}

export function refusal({ status, code, message, headers }: HttpError): HttpResponse {
  return { status, contentType: TEXT_TYPE, errorCode: code, headers, body: message };
}

function headersOf(answer: HttpResponse): string[] {
  return headerList(answer, Buffer.byteLength(answer.body));
}
