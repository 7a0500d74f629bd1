// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders } from "node:http2";

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
  /** False if it is known that no body follows. */
  readonly hasBody: boolean;
  /** Reads the whole body; to be called once at most. Rejects with HttpError. */
  readonly readBody: () => Promise<Buffer>;
  /** Calls the listener once if the caller goes away before the answer is written. */
  readonly onCancel: (listener: () => void) => void;
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

/** Answers requests; never rejects. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>;

/** The header that says which documented reason an answer has. */
export const ERROR_CODE_HEADER = "perdure-error-code";
