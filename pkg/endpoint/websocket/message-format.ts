// SPDX-License-Identifier: Apache-2.0

import { fromBinary, toBinary, toJson } from "@bufbuild/protobuf";
import type { DescMethod, Registry } from "@bufbuild/protobuf";

import { Status, StatusError } from "../../grpc/mod.ts";
import { HttpError } from "../http/http-error.ts";
import { readJson } from "../http/request-message.ts";

/** How messages travel in the frames of a WebSocket; a name is what a caller asks for (RFC 6455, 1.9). */
export const SUBPROTOCOLS = ["perdure.json", "perdure.proto"] as const;

export type Subprotocol = (typeof SUBPROTOCOLS)[number];

/** Messages to frames and back. */
export interface MessageFormat {
  /** The serialized input message of a frame. @throws StatusError if it is none. */
  read(frame: Buffer, isBinary: boolean): Uint8Array;
  /** The frame of a serialized output message: a text, or bytes. @throws StatusError `MALFORMED_REPLY` */
  write(payload: Uint8Array): string | Uint8Array;
}

/**
 * The format of a method's messages: one JSON text, or one serialized message, to a frame.
 *
 * @param types resolves `Any`s in JSON.
 */
export function messageFormat(subprotocol: Subprotocol, method: DescMethod, types: Registry): MessageFormat {
  return subprotocol === "perdure.proto" ? protoFormat() : jsonFormat(method, types);
}

function jsonFormat({ input, output }: DescMethod, types: Registry): MessageFormat {
  const options = { alwaysEmitImplicit: true, registry: types };
  return {
    read(frame, isBinary) {
      if (isBinary) throw wrongFrame("perdure.json has messages in text frames only");
      try {
        return toBinary(input, readJson(input, frame, types));
      } catch (error) {
        if (!(error instanceof HttpError)) throw error;
        throw new StatusError(Status.INVALID_ARGUMENT, error.code, error.message, { cause: error });
      }
    },
    write(payload) {
      try {
        return JSON.stringify(toJson(output, fromBinary(output, payload), options));
      } catch (error) {
        const text = `the user function's reply is not a valid ${output.typeName}`;
        throw new StatusError(Status.INTERNAL, "MALFORMED_REPLY", text, { cause: error });
      }
    },
  };
}

/** Bytes pass as they are: whoever is behind the method reads them. */
function protoFormat(): MessageFormat {
  return {
    read(frame, isBinary) {
      if (!isBinary) throw wrongFrame("perdure.proto has messages in binary frames only");
      return frame;
    },
    write: (payload) => payload,
  };
}

/** Why a WebSocket is ended for what its caller sends. */
export type WebSocketErrorCode = "WRONG_FRAME_TYPE";

function wrongFrame(text: string): StatusError {
  const code: WebSocketErrorCode = "WRONG_FRAME_TYPE";
  return new StatusError(Status.INVALID_ARGUMENT, code, text);
}
