// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders } from "node:http2";

import { readMetadata } from "./metadata-headers.ts";
import { Metadata } from "./metadata.ts";
import { decodeStatusMessage, encodeStatusMessage } from "./status-message.ts";
import { parseStatus, Status, StatusError, statusName } from "./status.ts";

/** The trailer in which a `StatusError` carries its `code`. */
const CODE_FIELD = "perdure-error-code";

const PRINTABLE = /^[\x21-\x7e]{1,128}$/;

/** How a call ended, as its caller sees it. */
export class CallEnd {
  readonly status: Status;
  /** The stable reason: the peer's, if it gave one, else the name of the status; "OK" for success. */
  readonly code: string;
  /** A text for people. */
  readonly message: string;
  /** What made it end here, if it did not end by the peer's word. */
  readonly cause: unknown;
  readonly #trailers: readonly string[] | undefined;

  constructor(status: Status, code: string, message: string, trailers?: readonly string[], cause?: unknown) {
    this.status = status;
    this.code = code;
    this.message = message;
    this.#trailers = trailers;
    this.cause = cause;
  }

  /** What the peer sent behind its last message. */
  get trailers(): Metadata {
    return this.#trailers === undefined ? new Metadata() : readMetadata(this.#trailers);
  }
}

/** The end that the peer's headers or trailers name, or undefined if they name none. */
export function readCallEnd(headers: IncomingHttpHeaders, raw: readonly string[]): CallEnd | undefined {
  const field = headers["grpc-status"];
  if (field === undefined) return undefined;
  const status = parseStatus(String(field));
  if (status === Status.OK) return new CallEnd(status, "OK", "", raw);
  const code = headers[CODE_FIELD] ?? statusName(status);
  const message = headers["grpc-message"] ?? "";
  return new CallEnd(status, String(code), decodeStatusMessage(String(message)), raw);
}

/** The end of a call that ended here and not by the peer's word. */
export function localEnd(error: StatusError): CallEnd {
  return new CallEnd(error.status, error.code, error.message, undefined, error);
}

/** The peer ended a call with another status than OK. */
export class CallError extends StatusError {
  /** What the peer sent with its status. */
  readonly trailers: Metadata;

  constructor(end: CallEnd) {
    super(end.status, end.code, end.message);
    this.trailers = end.trailers;
  }
}

/** Appends the fields that tell a status to a flat list of header names and values. */
export function appendStatus(headers: string[], error: StatusError): void {
  headers.push("grpc-status", String(error.status));
  if (error.message !== "") headers.push("grpc-message", encodeStatusMessage(error.message));
  if (PRINTABLE.test(error.code)) headers.push(CODE_FIELD, error.code);
}
