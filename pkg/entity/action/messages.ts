// SPDX-License-Identifier: Apache-2.0

/** Messages to and from the user function of an action (Cloudstate 0.2, `cloudstate.action`). */

import { onceForEach } from "../../base/mod.ts";
import { Status } from "../../grpc/mod.ts";
import type { ActionResponse, Metadata } from "../../protocol/mod.ts";
import {
  ActionCommandSchema,
  ActionResponseSchema,
  encodedText,
  encodedTypeUrl,
  MessageError,
  messageTypeUrl,
  readMessage,
  writeAny,
  writeMessage,
  writeMetadata,
} from "../../protocol/mod.ts";
import type { ServedMethod } from "../../userfunction/mod.ts";
import { methodName } from "../../userfunction/mod.ts";

import { readEffects, readForward, readReply } from "../client-action.ts";
import { commandFailed } from "../failure.ts";
import type { Outcome } from "../outcome.ts";
import { actionError } from "./action-error.ts";

const { serviceName: SERVICE, name: NAME, payload: PAYLOAD, metadata: METADATA } = ActionCommandSchema.field;

/** One message that is the whole request. */
export function commandMessage(method: ServedMethod, payload: Uint8Array, metadata: Metadata): Uint8Array {
  return encode(method, true, payload, metadata);
}

/** The first message of a stream: names the service and the method, and carries no payload. */
export function openMessage(method: ServedMethod, metadata: Metadata): Uint8Array {
  return encode(method, true, undefined, metadata);
}

/** A further message of a stream. */
export function inputMessage(method: ServedMethod, payload: Uint8Array): Uint8Array {
  return encode(method, false, payload, []);
}

export interface ReadContext {
  /** Fields of an answer that has more than 64 KiB. */
  readonly maxMessageFields: number;
  readonly reportError: (message: string) => void;
}

/**
 * Reads an answer of the user function, and tells the user function if it cannot be read.
 *
 * @throws StatusError `PROTOCOL_VIOLATION` if the bytes are no answer, or one with more than `maxMessageFields` fields.
 */
export function readResponse(method: ServedMethod, bytes: Uint8Array, context: ReadContext): Outcome {
  let message: ActionResponse;
  try {
    message = readMessage(ActionResponseSchema, bytes, context.maxMessageFields);
  } catch (error) {
    const answer = `the user function's answer to ${methodName(method)}`;
    const text =
      error instanceof MessageError ? `${answer}: ${error.message}` : `${answer} is not an ActionResponse`;
    context.reportError(text);
    throw actionError(Status.INTERNAL, "PROTOCOL_VIOLATION", text, error);
  }
  const { response } = message;
  const effects = readEffects(message.sideEffects);
  switch (response.case) {
    case "reply":
      return readReply(response.value, effects, false);
    case "forward":
      return readForward(response.value, effects, false);
    case "failure":
      // The effects of an action are carried out even if it fails, unlike those of an entity.
      return { kind: "failure", error: commandFailed(response.value, method.service.extensions), effects };
    case undefined:
      return { kind: "nothing", effects };
  }
}

function encode(
  method: ServedMethod,
  isNamed: boolean,
  payload: Uint8Array | undefined,
  metadata: Metadata,
): Uint8Array {
  const { names, typeUrl } = fixedFieldsOf(method);
  return writeMessage((writer) => {
    if (isNamed) writer.raw(names);
    if (payload !== undefined) writeAny(writer, PAYLOAD.number, typeUrl, payload);
    if (metadata.length > 0) writeMetadata(writer, METADATA.number, metadata);
  });
}

/** What is the same in all commands of a method, encoded: the names of service and method, and the type. */
const fixedFieldsOf = onceForEach(({ service, desc }: ServedMethod) => {
  const serviceName = encodedText(SERVICE.number, service.desc.typeName);
  return {
    names: Buffer.concat([serviceName, encodedText(NAME.number, desc.name)]),
    typeUrl: encodedTypeUrl(messageTypeUrl(desc.input.typeName)),
  };
});
