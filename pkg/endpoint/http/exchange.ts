// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders } from "node:http2";

import type { OpenRequest, WebExchange } from "../../grpc/mod.ts";

/** A request as both versions of HTTP give it. */
export interface HttpRequest {
  readonly method: string;
  /** As on the request line: percent-encoded, with the query. */
  readonly target: string;
  readonly contentType: string | undefined;
  /** All headers as Node gives them. */
  readonly headers: IncomingHttpHeaders;
  /** The same as a flat list of names and values, in the order in which they came. */
  readonly rawHeaders: readonly string[];
  /**
   * The part that the request holds of its caller's share; closed when the answer has been taken or the caller has
   * gone.
   */
  readonly request: OpenRequest;
  /** False if it is known that no body follows. */
  readonly hasBody: boolean;
  /** Reads the whole body, whose bytes stay counted in `request`; to be called once at most. Rejects with HttpError. */
  readBody(): Promise<Buffer>;
  /** Calls the listener once if the caller goes away before the answer is written. */
  onCancel(listener: () => void): void;
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
  /**
   * Iterated once, even if the caller has gone. If it throws, the answer is broken off, so that the caller does not
   * take it for complete.
   */
  readonly pieces: AsyncIterable<string | Uint8Array>;
}

export type HttpAnswer = HttpResponse | StreamedHttpResponse;

/** A request, and the way to answer it: of JSON or gRPC-Web. */
export interface HttpExchange extends HttpRequest, WebExchange {}

/** Answers a request; resolves when the answer is written. Never rejects for what a caller or user function does. */
export type HttpHandler = (exchange: HttpExchange) => Promise<void>;

/** The header that says which documented reason an answer has. */
export const ERROR_CODE_HEADER = "perdure-error-code";
