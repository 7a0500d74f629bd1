// SPDX-License-Identifier: Apache-2.0

import type { WebExchange } from "../../grpc/mod.ts";

/** A request as both versions of HTTP give it. */
export interface HttpRequest
  extends Pick<
    WebExchange,
    "method" | "target" | "headers" | "rawHeaders" | "request" | "gone" | "onCancel"
  > {
  readonly contentType: string | undefined;
  /** False if it is known that no body follows. */
  readonly hasBody: boolean;
  /** Reads the whole body, whose bytes stay counted in `request`; to be called once at most. Rejects with HttpError. */
  readBody(): Promise<Buffer>;
}

/** An answer, whole. */
export interface HttpResponse {
  readonly status: number;
  readonly contentType: string;
  /** Goes out as the header `perdure-error-code`; undefined for a success. */
  readonly errorCode: string | undefined;
  /** Further headers, as a flat list of names and values. */
  readonly headers?: readonly string[];
  readonly body: string | Uint8Array;
}

/** An answer in pieces, which are asked for as fast as the caller takes them. */
export interface StreamedHttpResponse {
  readonly status: number;
  readonly contentType: string;
  readonly headers: readonly string[];
  /** Iterated once, even if the caller has gone. If it throws, the answer is broken off, and so not complete. */
  readonly pieces: AsyncIterable<string | Uint8Array>;
}

export type HttpAnswer = HttpResponse | StreamedHttpResponse;

/** A request, and the way to answer it: of JSON or gRPC-Web. */
export interface HttpExchange extends HttpRequest, WebExchange {}

/** Answers a request; resolves when the answer is written. Never rejects for what a caller or user function does. */
export type HttpHandler = (exchange: HttpExchange) => Promise<void>;

/** The header that says which documented reason an answer has. */
const ERROR_CODE_HEADER = "perdure-error-code";

/** The headers of a whole answer, as a flat list of names and values. @param length of its body, in bytes. */
export function headerList({ contentType, headers, errorCode }: HttpResponse, length: number): string[] {
  const list = ["content-type", contentType, "content-length", String(length)];
  if (headers !== undefined) list.push(...headers);
  if (errorCode !== undefined) list.push(ERROR_CODE_HEADER, errorCode);
  return list;
}
