// SPDX-License-Identifier: Apache-2.0

import { fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";

import { Status } from "../grpc/mod.ts";
import type { StatusError } from "../grpc/mod.ts";
import { EventSourcedStreamOutSchema } from "../protocol/mod.ts";
import type { EventSourcedReply, EventSourcedStreamOut, ReplyMessage } from "../protocol/mod.ts";

import { readReply } from "./client-action.ts";
import {
  commandFailed,
  entityError,
  UNEXPECTED_FAILURE,
  UNEXPECTED_MESSAGE,
  UNEXPECTED_REPLY,
} from "./failure.ts";
import { NO_EFFECTS } from "./outcome.ts";
import type { ReplyOutcome } from "./outcome.ts";

/**
 * What a message of the user function means for the open command: a pure function of the message and the command's id
 * (Cloudstate 0.2, event sourced entities, abnormal events of a stream).
 */
export type Verdict =
  /** Store the events, then answer. */
  | {
      readonly kind: "commit";
      readonly events: Any[];
      readonly snapshot: Any | undefined;
      readonly answer: Answer;
    }
  /** Nothing to store: answer at once. `forget`: the entity's memory may be wrong, replay it. */
  | {
      readonly kind: "answer";
      readonly answer: Answer;
      readonly forget: boolean;
      readonly complaint?: string;
    }
  /** The stream cannot be trusted any more. */
  | { readonly kind: "broken"; readonly text: string; readonly detail: string };

export type Answer =
  | { readonly ok: true; readonly reply: ReplyOutcome }
  | { readonly ok: false; readonly error: StatusError };

/** Judges the bytes of one message. `openCommandId` is undefined while the user function owes nothing. */
export function judge(bytes: Uint8Array, openCommandId: bigint | undefined): Verdict {
  let out: EventSourcedStreamOut;
  try {
    out = fromBinary(EventSourcedStreamOutSchema, bytes);
  } catch (error) {
    return {
      kind: "broken",
      text: UNEXPECTED_MESSAGE,
      detail: `not an EventSourcedStreamOut: ${String(error)}`,
    };
  }
  switch (out.message.case) {
    case "failure":
      return { kind: "broken", text: UNEXPECTED_FAILURE, detail: out.message.value.description };
    case "reply":
      return judgeReply(out.message.value, openCommandId);
    case undefined:
      return { kind: "broken", text: UNEXPECTED_MESSAGE, detail: "empty message" };
  }
}

function judgeReply(reply: EventSourcedReply, openCommandId: bigint | undefined): Verdict {
  if (reply.commandId !== openCommandId) {
    const expected = openCommandId === undefined ? "no command is open" : `command ${openCommandId} is open`;
    return {
      kind: "broken",
      text: UNEXPECTED_REPLY,
      detail: `reply to command ${reply.commandId}, but ${expected}`,
    };
  }
  const action = reply.clientAction?.action;
  if (action?.case === "failure") {
    // A failed command changes nothing, whatever came with the failure; but the user function has applied
    // those events to its own state, so that state has to go.
    const forget = action.value.restart || reply.events.length > 0;
    return { kind: "answer", answer: { ok: false, error: commandFailed(action.value.description) }, forget };
  }
  if (action?.case === "forward" || reply.sideEffects.length > 0) {
    return refuse(
      "NOT_SUPPORTED",
      "forwards and side effects are not supported by this version of the proxy",
    );
  }
  if (reply.snapshot !== undefined && reply.events.length === 0) {
    return refuse("PROTOCOL_VIOLATION", "a snapshot is only allowed together with events");
  }
  const answer = answerOf(action?.case === "reply" ? action.value : undefined);
  if (reply.events.length === 0) return { kind: "answer", answer, forget: false };
  return { kind: "commit", events: reply.events, snapshot: reply.snapshot, answer };
}

/** Nothing of the reply takes effect, and both the caller and the user function are told. */
function refuse(code: "NOT_SUPPORTED" | "PROTOCOL_VIOLATION", text: string): Verdict {
  const status = code === "NOT_SUPPORTED" ? Status.UNIMPLEMENTED : Status.INTERNAL;
  const error = entityError(status, code, text);
  return { kind: "answer", answer: { ok: false, error }, forget: true, complaint: text };
}

function answerOf(reply: ReplyMessage | undefined): Answer {
  const outcome = reply && readReply(reply, NO_EFFECTS);
  if (outcome?.kind === "reply") return { ok: true, reply: outcome };
  const error = entityError(Status.INTERNAL, "NO_REPLY", "the user function answered without a reply");
  return { ok: false, error };
}
