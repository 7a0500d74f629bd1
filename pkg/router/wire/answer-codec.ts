// SPDX-License-Identifier: Apache-2.0

import type { BinaryWriter } from "@bufbuild/protobuf/wire";
import { WireType } from "@bufbuild/protobuf/wire";

import { EntityStreamError, NO_EFFECTS } from "../../entity/mod.ts";
import type { StatusError } from "../../grpc/mod.ts";
import { CallError, CallMetadata, isErrorStatus, Status, statusName } from "../../grpc/mod.ts";
import type { Metadata, PeerAnswer, PeerFailure } from "../../protocol/mod.ts";
import {
  PeerAnswerSchema,
  PeerCallEndSchema,
  PeerFailureSchema,
  PeerReplySchema,
  PeerStreamBreak,
  readMessage,
  readMetadata,
  writeMessage,
  writeMetadata,
} from "../../protocol/mod.ts";

import type { Settlement } from "../peers.ts";
import { MAX_FIELDS, writeText } from "./command-codec.ts";
import { PeerError, wireError } from "./wire-error.ts";

const ANSWER = PeerAnswerSchema.field;
const REPLY = PeerReplySchema.field;
const FAILURE = PeerFailureSchema.field;
const CALL_END = PeerCallEndSchema.field;

/** What a code may be, so that it can be a header. */
const CODE = /^[\x21-\x7e]{1,128}$/;

export function writeSettlement(settlement: Settlement): Uint8Array {
  return writeMessage((writer) => {
    if (settlement.kind === "nothing") {
      writer.tag(ANSWER.nothing.number, WireType.LengthDelimited).fork().join();
      return;
    }
    const { typeUrl, payload, metadata } = settlement;
    writer.tag(ANSWER.reply.number, WireType.LengthDelimited).fork();
    writeText(writer, REPLY.typeUrl.number, typeUrl);
    writer.tag(REPLY.payload.number, WireType.LengthDelimited).bytes(payload);
    if (metadata.length > 0) writeMetadata(writer, REPLY.metadata.number, metadata);
    writer.join();
  });
}

/** Encodes an error, with what its caller gets of it, and with what decides whether to try again (`mayPass`). */
export function writeFailure(error: StatusError): Uint8Array {
  return writeMessage((writer) => {
    writer.tag(ANSWER.failure.number, WireType.LengthDelimited).fork();
    writer.tag(FAILURE.status.number, WireType.Varint).int32(error.status);
    writeText(writer, FAILURE.code.number, error.code);
    writeText(writer, FAILURE.message.number, error.message);
    if (error instanceof CallError) writeCallEnd(writer, error);
    if (error instanceof EntityStreamError)
      writer.tag(FAILURE.streamBreak.number, WireType.Varint).int32(STREAM_BREAKS[error.reason]);
    writer.join();
  });
}

const STREAM_BREAKS = {
  unanswered: PeerStreamBreak.UNANSWERED,
  violated: PeerStreamBreak.VIOLATED,
} as const;

function writeCallEnd(writer: BinaryWriter, { metadata, trailers }: CallError): void {
  writer.tag(FAILURE.callEnd.number, WireType.LengthDelimited).fork();
  writeMetadata(writer, CALL_END.metadata.number, entriesOf(metadata));
  writeMetadata(writer, CALL_END.trailers.number, entriesOf(trailers));
  writer.join();
}

function entriesOf(metadata: CallMetadata): Metadata {
  return [...metadata].map(([key, value]) => ({ key, value }));
}

/**
 * Reads what another proxy answered.
 *
 * @throws StatusError: the one that the other proxy answered with, or `BAD_PEER_ANSWER`.
 */
export function readSettlement(bytes: Uint8Array): Settlement {
  const { result } = parse(bytes);
  switch (result.case) {
    case "reply": {
      const { typeUrl, payload, metadata } = result.value;
      return {
        kind: "reply",
        typeUrl,
        payload,
        metadata: readMetadata(metadata),
        effects: NO_EFFECTS,
      };
    }
    case "nothing":
      return { kind: "nothing", effects: NO_EFFECTS };
    case "failure":
      throw errorOf(result.value);
    case undefined:
      throw noAnswer();
  }
}

function parse(bytes: Uint8Array): PeerAnswer {
  try {
    return readMessage(PeerAnswerSchema, bytes, MAX_FIELDS);
  } catch (error) {
    throw noAnswer(error);
  }
}

function errorOf({ status: value, code: word, message, callEnd, streamBreak }: PeerFailure): Error {
  const status = isErrorStatus(value) ? value : Status.UNKNOWN;
  const code = CODE.test(word) ? word : statusName(status);
  if (streamBreak === PeerStreamBreak.UNANSWERED) return new EntityStreamError("unanswered", message);
  if (streamBreak === PeerStreamBreak.VIOLATED) return new EntityStreamError("violated", message);
  if (callEnd === undefined) return new PeerError(status, code, message);
  try {
    const metadata = metadataOf(readMetadata(callEnd.metadata));
    const trailers = metadataOf(readMetadata(callEnd.trailers));
    return new CallError({ status, code, message, metadata, trailers });
  } catch (error) {
    return noAnswer(error);
  }
}

/** @throws StatusError `BAD_METADATA` */
function metadataOf(metadata: Metadata): CallMetadata {
  return CallMetadata.of(metadata.map(({ key, value }) => [key, value] as const));
}

function noAnswer(cause?: unknown): Error {
  const text =
    "the proxy that owns the entity's shard gave an answer that this one does not understand; the command may have been carried out";
  return wireError(Status.INTERNAL, "BAD_PEER_ANSWER", text, cause);
}
