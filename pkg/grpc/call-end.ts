// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders } from "node:http2";

import type { Metadata } from "./metadata.ts";
import { readMetadata } from "./metadata-headers.ts";
import { parseStatus, Status, StatusError, statusName } from "./status.ts";
import { decodeStatusMessage, encodeStatusMessage } from "./status-message.ts";

/** The trailer in which a `StatusError` carries its `code`. */
export const CODE_FIELD = "perdure-error-code";

const PRINTABLE = /^[\x21-\x7e]{1,128}$/;

/** How a call ended, as its caller sees it. */
export class CallEnd {
  readonly status: Status;
  /** The stable reason: the peer's, if it gave one, else the name of the status; "OK" for success. */
  readonly code: string;
  /** A text for people. */
  readonly message: string;
  /** The error that ended the call on this side; undefined if the peer ended it. */
  readonly cause: unknown;
  readonly #headers: readonly string[];
  readonly #trailers: readonly string[];

  /** @param headers what came before the trailers; both are flat lists of names and values. */
  constructor(
    status: Status,
    code: string,
    message: string,
    headers: readonly string[] = [],
    trailers: readonly string[] = [],
    cause?: unknown,
  ) {
    this.status = status;
    this.code = code;
    this.message = message;
    this.#headers = headers;
    this.#trailers = trailers;
    this.cause = cause;
  }

  /** What the peer sent before its first message, or before its status if there was no message. */
  get metadata(): Metadata {
    return readMetadata(this.#headers);
  }

  /** What the peer sent after its last message. */
  get trailers(): Metadata {
    return readMetadata(this.#trailers);
  }
}

/**
 * Reads the end of a call from the peer's trailers; undefined if they have no `grpc-status`.
 *
 * @param fields the trailers, or the headers of an answer that has nothing else
 * @param trailers the same as a flat list of names and values
 * @param headers what came before them, in the same form
 */
export function readCallEnd(
  fields: IncomingHttpHeaders,
  trailers: readonly string[],
  headers?: readonly string[],
): CallEnd | undefined {
  const field = fields["grpc-status"];
  if (field === undefined) return undefined;
  const status = parseStatus(String(field));
  if (status === Status.OK) return new CallEnd(status, "OK", "", headers, trailers);
  const code = fields[CODE_FIELD] ?? statusName(status);
  const message = decodeStatusMessage(String(fields["grpc-message"] ?? ""));
  return new CallEnd(status, String(code), message, headers, trailers);
}

/** The end of a call that this side ended. */
export function localEnd(error: StatusError): CallEnd {
  return new CallEnd(error.status, error.code, error.message, [], [], error);
}

/** The peer ended a call with another status than OK. The code is the peer's choice, so it may be any text. */
export class CallError extends StatusError {
  /** What the peer sent before anything else. */
  readonly metadata: Metadata;
  /** What the peer sent with its status. */
  readonly trailers: Metadata;

  constructor(end: Pick<CallEnd, "status" | "code" | "message" | "metadata" | "trailers">) {
    super(end.status, end.code, end.message);
    this.metadata = end.metadata;
    this.trailers = end.trailers;
  }
}

/** Appends the fields that tell a status to a flat list of header names and values. */
export function appendStatus(headers: string[], error: StatusError): void {
  headers.push("grpc-status", String(error.status));
  if (error.message !== "") headers.push("grpc-message", encodeStatusMessage(error.message));
  if (PRINTABLE.test(error.code)) headers.push(CODE_FIELD, error.code);
}
