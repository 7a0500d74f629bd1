// SPDX-License-Identifier: Apache-2.0

/** Messages to and from the user function of an action (Cloudstate 0.2, `cloudstate.action`). */

import { toBinary } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";

import { Status } from "../../grpc/mod.ts";
import type { ActionResponse, Metadata } from "../../protocol/mod.ts";
import {
  ActionCommandSchema,
  ActionResponseSchema,
  encodedText,
  encodedTypeUrl,
  MessageError,
  MetadataMessageSchema,
  messageTypeUrl,
  metadataMessage,
  readMessage,
  writeAny,
  writeMessage,
} from "../../protocol/mod.ts";
import type { ActionMethod } from "../../userfunction/mod.ts";
import { methodName } from "../../userfunction/mod.ts";

import { readEffects, readForward, readReply } from "../client-action.ts";
import { commandFailed, entityError } from "../failure.ts";
import type { Outcome } from "../outcome.ts";

const { serviceName: SERVICE, name: NAME, payload: PAYLOAD, metadata: METADATA } = ActionCommandSchema.field;

/** One message that is the whole request. */
export function commandMessage(method: ActionMethod, payload: Uint8Array, metadata: Metadata): Uint8Array {
  return encode(method, true, payload, metadata);
}

/** The first message of a stream: names the service and the method, and carries no payload. */
export function openMessage(method: ActionMethod, metadata: Metadata): Uint8Array {
  return encode(method, true, undefined, metadata);
}

/** A further message of a stream. */
export function inputMessage(method: ActionMethod, payload: Uint8Array): Uint8Array {
  return encode(method, false, payload, []);
}

/** @throws StatusError `PROTOCOL_VIOLATION` if the bytes are no answer, or one with more than `maxFields` fields. */
export function readResponse(method: ActionMethod, bytes: Uint8Array, maxFields: number): Outcome {
  let message: ActionResponse;
  try {
    message = readMessage(ActionResponseSchema, bytes, maxFields);
  } catch (error) {
    const answer = `the user function's answer to ${methodName(method)}`;
    const text =
      error instanceof MessageError ? `${answer}: ${error.message}` : `${answer} is not an ActionResponse`;
    throw entityError(Status.INTERNAL, "PROTOCOL_VIOLATION", text, error);
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

function encode(
  method: ActionMethod,
  isNamed: boolean,
  payload: Uint8Array | undefined,
  metadata: Metadata,
): Uint8Array {
  const { names, typeUrl } = fixedFieldsOf(method);
  const fields =
    metadata.length === 0 ? undefined : toBinary(MetadataMessageSchema, metadataMessage(metadata));
  return writeMessage((writer) => {
    if (isNamed) writer.raw(names);
    if (payload !== undefined) writeAny(writer, PAYLOAD.number, typeUrl, payload);
    if (fields !== undefined) writer.tag(METADATA.number, WireType.LengthDelimited).bytes(fields);
  });
}

/** What is the same in all commands of a method, encoded: the names of service and method, and the type. */
interface FixedFields {
  readonly names: Uint8Array;
  readonly typeUrl: Uint8Array;
}

const fixedFields = new WeakMap<ActionMethod, FixedFields>();

function fixedFieldsOf(method: ActionMethod): FixedFields {
  let fields = fixedFields.get(method);
  if (fields === undefined) {
    const service = encodedText(SERVICE.number, method.service.desc.typeName);
    fields = {
      names: Buffer.concat([service, encodedText(NAME.number, method.desc.name)]),
      typeUrl: encodedTypeUrl(messageTypeUrl(method.desc.input.typeName)),
    };
    fixedFields.set(method, fields);
  }
  return fields;
}
