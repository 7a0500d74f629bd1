// SPDX-License-Identifier: Apache-2.0

import { ownBytes } from "../../base/mod.ts";
import type { StatusError } from "../../grpc/mod.ts";
import { MAX_KEPT_BYTES, Status } from "../../grpc/mod.ts";

import type { EndpointErrorCode } from "../endpoint-error.ts";
import { endpointError } from "../endpoint-error.ts";
import { grpcStatusOf } from "../http/error-response.ts";
import { HttpError } from "../http/http-error.ts";
import type { JsonCodec } from "../json/json-codec.ts";
import type { TextCall } from "../json/json-thread.ts";

/** Formats of messages in the frames of a WebSocket. Callers ask for them by these names (RFC 6455, 1.9). */
export const SUBPROTOCOLS = ["perdure.json", "perdure.proto"] as const;

export type Subprotocol = (typeof SUBPROTOCOLS)[number];

/** Converts messages to frames and back. Large JSON takes a while, and gives a promise. */
export interface MessageFormat {
  /** Whether its frames are binary or text. */
  readonly isBinary: boolean;
  /** The input message of a frame, which must not be used afterwards. @throws StatusError if it is no message. */
  read(frame: Buffer, call: TextCall): Uint8Array | Promise<Uint8Array>;
  /** The frame of a serialized output message. @throws StatusError `MALFORMED_REPLY`, `REPLY_TOO_LARGE` */
  write(payload: Uint8Array, call: TextCall): string | Uint8Array | Promise<Uint8Array>;
}

/** The format of a method's messages: one JSON text, or one serialized message, to a frame. */
export function messageFormat(subprotocol: Subprotocol, codec: JsonCodec): MessageFormat {
  return subprotocol === "perdure.proto" ? PROTO_FORMAT : jsonFormat(codec);
}

/**
 * Bytes pass as they are, because the user function parses them. A small part of a large chunk is copied, because the
 * chunk is no longer counted.
 */
const PROTO_FORMAT: MessageFormat = {
  isBinary: true,
  read: (frame) => ownBytes(frame, MAX_KEPT_BYTES),
  write: (payload) => payload,
};

function jsonFormat(codec: JsonCodec): MessageFormat {
  const source = { segments: [], query: "", contentType: undefined };
  return {
    isBinary: false,
    read: (body, call) => asStatus(() => codec.request({ ...source, body }, call)),
    write: (payload, call) => asStatus(() => codec.text(payload, "", "", call)),
  };
}

/** Calls `convert`, and turns an HttpError into a StatusError. */
function asStatus<T>(convert: () => T): T {
  try {
    const converted = convert();
    return converted instanceof Promise ? (converted.catch(rethrow) as T) : converted;
  } catch (error) {
    return rethrow(error);
  }
}

function rethrow(error: unknown): never {
  if (!(error instanceof HttpError)) throw error;
  throw endpointError(grpcStatusOf(error.status), error.code, error.message, error);
}

/** The refusal of a frame that is not of the type that the subprotocol uses. */
export function wrongFrame(subprotocol: Subprotocol): StatusError<EndpointErrorCode> {
  const type = subprotocol === "perdure.json" ? "text" : "binary";
  const text = `${subprotocol} has messages in ${type} frames only`;
  return endpointError(Status.INVALID_ARGUMENT, "WRONG_FRAME_TYPE", text);
}
