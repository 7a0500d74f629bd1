// SPDX-License-Identifier: Apache-2.0

import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

import { ActionResponseSchema, EventSourcedStreamOutSchema } from "../../../pkg/protocol/mod.ts";

import { EventSourcedReplySchema } from "../../../pkg/protocol/gen/cloudstate/event_sourced_pb.ts";
import type { ScriptedAction } from "../../lib/scripted-actions.ts";
import type { Script } from "../../lib/scripted-user-function.ts";
import { textOf } from "../../lib/talks.ts";

/** What an answer has six millions of. */
export type Flood = "events" | "effects" | "unknown";

/** Below what one message may have. */
const FLOOD_BYTES = 12_582_912 - 1_024;

/** No field of these messages. */
const UNKNOWN_FIELD = 15;

const REPLY_FIELDS: Readonly<Record<Flood, number>> = {
  events: EventSourcedReplySchema.field.events.number,
  effects: EventSourcedReplySchema.field.sideEffects.number,
  unknown: UNKNOWN_FIELD,
};

/** The flood that an entity answers with, by its id, or an action, by the text of the line. Undefined for others. */
export function floodOf(name: string): Flood | undefined {
  const kind = name.startsWith("flood-") ? name.split("-")[1] : undefined;
  return kind === "events" || kind === "effects" || kind === "unknown" ? kind : undefined;
}

/**
 * The first reply of a stream, followed by 12 MB of empty fields. They belong to the reply, because a message field
 * that occurs twice is merged.
 */
function floodReply(flood: Flood): Buffer {
  const reply = { case: "reply" as const, value: { commandId: 1n } };
  const right = create(EventSourcedStreamOutSchema, { message: reply });
  const more = new BinaryWriter()
    .tag(EventSourcedStreamOutSchema.field.reply.number, WireType.LengthDelimited)
    .bytes(emptyFields(REPLY_FIELDS[flood]));
  return Buffer.concat([toBinary(EventSourcedStreamOutSchema, right), more.finish()]);
}

/** Made once, so that the function stays quick for others. */
const REPLIES: Readonly<Record<Flood, Buffer>> = {
  events: floodReply("events"),
  effects: floodReply("effects"),
  unknown: floodReply("unknown"),
};
const ACTION_ANSWER = emptyFields(ActionResponseSchema.field.sideEffects.number);

/** Answers the first command of an entity with a reply that would be valid if it were smaller. */
export const answerFlood: NonNullable<Script["onMessage"]> = ({ message }, stream) => {
  if (message.case !== "command") return;
  const flood = floodOf(message.value.entityId);
  if (flood !== undefined) stream.sendBytes(REPLIES[flood]);
};

/** The same for an action. Returns false if the line does not ask for a flood. */
export async function answerActionFlood(call: ScriptedAction): Promise<boolean> {
  for await (const { payload } of call.commands) {
    if (floodOf(textOf(payload?.value)) === undefined) return false;
    await call.sendBytes(ACTION_ANSWER);
    return true;
  }
  return false;
}

function emptyFields(number: number): Buffer {
  return Buffer.alloc(FLOOD_BYTES, Buffer.of(8 * number + WireType.LengthDelimited, 0));
}
