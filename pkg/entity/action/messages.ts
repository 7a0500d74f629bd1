// SPDX-License-Identifier: Apache-2.0

/** Messages to and from the user function of an action (Cloudstate 0.2, `cloudstate.action`). */

import { toBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";

import { Status } from "../../grpc/mod.ts";
import type { ActionResponse, Metadata } from "../../protocol/mod.ts";
import {
  ActionCommandSchema,
  ActionResponseSchema,
  MessageError,
  messageTypeUrl,
  metadataMessage,
  readMessage,
} from "../../protocol/mod.ts";
import type { ServedMethod } from "../../userfunction/mod.ts";
import { methodName } from "../../userfunction/mod.ts";

import { readEffects, readForward, readReply } from "../client-action.ts";
import { commandFailed } from "../failure.ts";
import type { Outcome } from "../outcome.ts";
import { actionError } from "./action-error.ts";

/** One message that is the whole request. */
export function commandMessage(method: ServedMethod, payload: Uint8Array, metadata: Metadata): Uint8Array {
  return encode(method.service.desc.typeName, method.desc.name, anyOf(method, payload), metadata);
}

/** The first message of a stream: names the service and the method, and carries no payload. */
export function openMessage(method: ServedMethod, metadata: Metadata): Uint8Array {
  return encode(method.service.desc.typeName, method.desc.name, undefined, metadata);
}

/** A further message of a stream. */
export function inputMessage(method: ServedMethod, payload: Uint8Array): Uint8Array {
  return encode("", "", anyOf(method, payload), []);
}

export interface ReadContext {
  /** Fields of an answer that has more than 64 KiB. */
  readonly maxMessageFields: number;
  /** Tells the user function what it did wrong. */
  readonly reportError: (message: string) => void;
}

/**
 * Reads an answer of the user function, and tells the user function if it cannot be read.
 *
 * @throws StatusError `PROTOCOL_VIOLATION` if the bytes are no answer, or one with more than `maxMessageFields` fields.
 */
export function readResponse(
  method: ServedMethod,
  bytes: Uint8Array,
  { maxMessageFields, reportError }: ReadContext,
): Outcome {
  let message: ActionResponse;
  try {
    message = readMessage(ActionResponseSchema, bytes, maxMessageFields);
  } catch (error) {
    const answer = `the user function's answer to ${methodName(method)}`;
    const text =
      error instanceof MessageError ? `${answer}: ${error.message}` : `${answer} is not an ActionResponse`;
    reportError(text);
    throw actionError(Status.INTERNAL, "PROTOCOL_VIOLATION", text, error);
  }
  const { response } = message;
  const effects = readEffects(message.sideEffects);
  switch (response.case) {
    case "reply":
      return readReply(response.value, effects);
    case "forward":
      return readForward(response.value, effects);
    case "failure":
      // The effects of an action are carried out even if it fails, unlike those of an entity.
      return { kind: "failure", error: commandFailed(response.value, method.service.extensions), effects };
    case undefined:
      return { kind: "nothing", effects };
  }
}

function anyOf({ desc }: ServedMethod, value: Uint8Array): Any {
  return { $typeName: "google.protobuf.Any", typeUrl: messageTypeUrl(desc.input.typeName), value };
}

function encode(serviceName: string, name: string, payload: Any | undefined, metadata: Metadata): Uint8Array {
  return toBinary(ActionCommandSchema, {
    $typeName: "cloudstate.action.ActionCommand",
    serviceName,
    name,
    payload,
    metadata: metadata.length === 0 ? undefined : metadataMessage(metadata),
  });
}
