// SPDX-License-Identifier: Apache-2.0

import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";

import { ACCEPTED_ENCODINGS } from "./compression.ts";

// Without a date: it costs more than it tells. (Node's types do not know `sendDate` here.)
export const WITH_TRAILERS = { waitForTrailers: true, sendDate: false };
const WITHOUT_BODY = { endStream: true, sendDate: false };

/** The headers of every answer, as a flat list of names and values. Never changed, because all answers share it. */
export const RESPONSE_HEADERS: readonly string[] = Object.entries({
  ":status": "200",
  "content-type": "application/grpc+proto",
  "grpc-accept-encoding": ACCEPTED_ENCODINGS,
}).flat();

export const OK_TRAILERS: OutgoingHttpHeaders = { "grpc-status": "0" };

/** Whether an answer can still begin. */
export function canRespond(stream: ServerHttp2Stream): boolean {
  return !stream.destroyed && !stream.closed && !stream.headersSent;
}

/** Sends an answer without a body: gRPC's trailers-only, or plain HTTP. */
export function sendHeadersOnly(stream: ServerHttp2Stream, headers: readonly string[]): void {
  if (!canRespond(stream)) return;
  stream.respond(headers, WITHOUT_BODY);
  // Also ends the client's direction, once ours has been sent, because nothing reads what the client may still send.
  if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
}

/** A flat list of names and values as the object that `sendTrailers` takes. */
export function toFields(flat: readonly string[]): OutgoingHttpHeaders {
  const fields: Record<string, string | string[]> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const name = flat[i] ?? "";
    const value = flat[i + 1] ?? "";
    const existing = fields[name];
    if (existing === undefined) fields[name] = value;
    else if (Array.isArray(existing)) existing.push(value);
    else fields[name] = [existing, value];
  }
  return fields;
}
