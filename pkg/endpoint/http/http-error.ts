// SPDX-License-Identifier: Apache-2.0

import { CodedError } from "../../base/mod.ts";

/**
 * Why the public port itself refuses an HTTP request: the `perdure-error-code` of the answer, its HTTP status and what
 * it means. A refusal of the user function or of the proxy behind the port carries the code of its `StatusError`.
 */
export const HTTP_ERRORS = {
  MALFORMED_REQUEST: { status: 400 }, // not an HTTP request, or a body that broke off or is not packed as it says
  MALFORMED_PATH: { status: 400 }, // the path has broken percent-encoding or is not UTF-8
  MALFORMED_QUERY: { status: 400 }, // the query has broken percent-encoding or is not UTF-8
  UNKNOWN_QUERY_PARAMETER: { status: 400 }, // a query parameter names no field that it could set
  REPEATED_QUERY_PARAMETER: { status: 400 }, // a query parameter of a field with one value is given twice
  WRONG_PARAMETER_TYPE: { status: 400 }, // a value in the path or the query does not fit its field
  UNSUPPORTED_CONTENT_TYPE: { status: 415 }, // the method takes a body, which must be application/json
  UNSUPPORTED_CONTENT_ENCODING: { status: 415 }, // the body is packed in another way than gzip
  MALFORMED_JSON: { status: 400 }, // the body is not JSON in UTF-8, or names a key twice
  JSON_TOO_DEEP: { status: 400 }, // the body has more levels than protobuf's JSON may have
  JSON_TOO_MANY_VALUES: { status: 413 }, // the body has more values than the proxy converts
  UNKNOWN_JSON_FIELD: { status: 400 }, // the body has a field that the input message has not
  WRONG_FIELD_TYPE: { status: 400 }, // a value in the body does not fit its field
  REQUIRED_FIELD_MISSING: { status: 400 }, // a field that is marked as required is not set
  NOT_STREAMED: { status: 400 }, // the method has no stream, and a WebSocket is asked for
  UNKNOWN_SUBPROTOCOL: { status: 400 }, // the caller of a WebSocket speaks no subprotocol of ours
  ORIGIN_NOT_ALLOWED: { status: 403 }, // a page of another origin may not open a WebSocket here, nor send a form
  UNKNOWN_PROBE: { status: 400 }, // a network probe of Knative that this port does not answer
  UNKNOWN_PATH: { status: 404 }, // no method is served under this path
  METHOD_NOT_ALLOWED: { status: 405 }, // the path is served under other HTTP methods, which the header allow names
  UNKNOWN_EXPECTATION: { status: 417 }, // the header expect asks for another thing than 100-continue
  UNKNOWN_TRANSFER_CODING: { status: 501 }, // the body has another transfer coding than chunked
  REQUEST_TIMEOUT: { status: 408 }, // the request did not arrive in time
  REQUEST_TOO_LARGE: { status: 413 }, // the body is larger than the proxy accepts
  TOO_MANY_PIECES: { status: 429 }, // the body comes in too many pieces of a few bytes
  HEADERS_TOO_LARGE: { status: 431 }, // the request line and headers are larger than the proxy accepts
  MALFORMED_REPLY: { status: 500 }, // the user function's reply is not the declared output message
  REPLY_TOO_LARGE: { status: 500 }, // the reply has more values, or a longer JSON text, than the proxy writes
  CONVERSION_FAILED: { status: 500 }, // converting a large JSON text took longer, or more memory, than the proxy allows
  INTERNAL: { status: 500 }, // the proxy failed; its log says why
  ENDPOINT_OVERLOADED: { status: 503 }, // too many requests or bytes are under way, of all callers or of this one
} as const satisfies Record<string, { readonly status: number }>;

export type HttpErrorCode = keyof typeof HTTP_ERRORS;

/** A refusal by the public port; the message is what the caller reads. */
export class HttpError extends CodedError<HttpErrorCode> {
  /** What the answer carries beside the code, as a flat list of names and values. */
  readonly headers: readonly string[];

  constructor(
    code: HttpErrorCode,
    message: string,
    options?: { readonly cause?: unknown; readonly headers?: readonly string[] },
  ) {
    super(code, message, options);
    this.headers = options?.headers ?? [];
  }

  get status(): number {
    return HTTP_ERRORS[this.code].status;
  }
}

/** The path is served, but not under this HTTP method (RFC 9110, 15.5.6). For CONNECT nothing is `allowed`. */
export function methodNotAllowed(method: string, allowed: readonly string[]): HttpError {
  const under = allowed.length === 0 ? "" : `; the path is served under ${allowed.join(", ")}`;
  const headers = ["allow", allowed.join(", ")];
  return new HttpError("METHOD_NOT_ALLOWED", `${method} is not served here${under}`, { headers });
}

/** The body comes in too many pieces that are too small. */
export function tooManyPieces(): HttpError {
  return new HttpError(
    "TOO_MANY_PIECES",
    "the body comes in too many pieces of a few bytes; send larger ones",
  );
}

/** There is no place, or no memory, for more requests of this caller. */
export function overloaded(): HttpError {
  return new HttpError(
    "ENDPOINT_OVERLOADED",
    "too many requests, or too many bytes of them, are under way; try again",
  );
}
