// SPDX-License-Identifier: Apache-2.0

import type { Any } from "@bufbuild/protobuf/wkt";

import { Status } from "../grpc/mod.ts";
import type { StatusError } from "../grpc/mod.ts";
import { MessageError } from "../protocol/mod.ts";
import type { ClientAction, Failure, SideEffectMessage } from "../protocol/mod.ts";
import { FAILURES } from "../userfunction/mod.ts";

import { readForward, readReply } from "./client-action.ts";
import { commandFailed, entityError, isFinal } from "./failure.ts";
import type { StreamTexts } from "./failure.ts";
import type { Change } from "./history.ts";
import { NO_EFFECTS } from "./outcome.ts";
import type { Outcome } from "./outcome.ts";

/**
 * What a message of the user function means for the open command: a pure function of the message and the command's id
 * (Cloudstate 0.2, event sourced and value entities, abnormal events of a stream).
 */
export type Verdict =
  | CommitVerdict
  | AnswerVerdict
  /** The stream cannot be trusted any more. `isTold`: the user function's developer knows it from the user function itself. */
  | {
      readonly kind: "broken";
      readonly text: string;
      readonly detail: string;
      readonly isTold: boolean;
      /** The user function gave the stream up, and not because of a command. */
      readonly ofNoCommand?: boolean;
    };

/** Nothing to store: answer at once. */
export interface AnswerVerdict {
  readonly kind: "answer";
  readonly answer: Answer;
  readonly said: Said;
  /** The entity's memory may be wrong: replay it afterwards. */
  readonly forget: boolean;
  readonly complaint?: string;
}

/** Store the change and the side effects, then answer, and then carry the effects out. */
export interface CommitVerdict {
  readonly kind: "commit";
  /** Undefined: none. */
  readonly change: Change | undefined;
  /** The state after it, from which a later replay may start. */
  readonly snapshot: Any | undefined;
  readonly effects: SideEffectMessage[];
  /** Without the side effects. */
  readonly outcome: Outcome;
  readonly said: Said;
  /** The entity's memory may be wrong: replay it afterwards. */
  readonly forget: boolean;
}

/** An answer as the user function gave it. */
export type Said = ClientAction["action"] | undefined;

export type Answer =
  /** Without side effects. */
  { readonly ok: true; readonly outcome: Outcome } | { readonly ok: false; readonly error: StatusError };

/** What the messages of a kind of entity have in common with those of the others. */
export interface Dialect<Reply extends EntityReplyMessage> {
  /** Of the message, for people. */
  readonly name: string;
  readonly texts: StreamTexts;
  /** Throws if the bytes are no message, or one with more than `maxFields` fields. */
  readonly read: (bytes: Uint8Array, maxFields: number) => StreamOut<Reply>;
  /** What the reply to the open command changes, or why it is refused. */
  readonly changeOf: (reply: Reply) => ChangeOfReply;
}

type StreamOut<Reply> =
  | { readonly case: "reply"; readonly value: Reply }
  | { readonly case: "failure"; readonly value: Failure }
  | { readonly case: undefined; readonly value?: undefined };

interface EntityReplyMessage {
  readonly commandId: bigint;
  readonly clientAction?: ClientAction | undefined;
  readonly sideEffects: SideEffectMessage[];
}

export type ChangeOfReply =
  | { readonly kind: "none" }
  | { readonly kind: "change"; readonly change: Change; readonly snapshot: Any | undefined }
  /** The reply contradicts itself. */
  | { readonly kind: "violation"; readonly text: string };

export const NO_CHANGE: ChangeOfReply = { kind: "none" };

/**
 * Judges the bytes of one message. `openCommandId` is undefined while the user function owes nothing; `extensions` are
 * those that it announced.
 */
export function judgeMessage<Reply extends EntityReplyMessage>(
  dialect: Dialect<Reply>,
  bytes: Uint8Array,
  openCommandId: bigint | undefined,
  maxFields: number,
  extensions: ReadonlySet<string>,
): Verdict {
  const { texts } = dialect;
  let message: StreamOut<Reply>;
  try {
    message = dialect.read(bytes, maxFields);
  } catch (error) {
    const detail =
      error instanceof MessageError ? error.message : `not a message ${dialect.name}: ${String(error)}`;
    return broken(texts.message, detail);
  }
  switch (message.case) {
    case "failure":
      return givenUp(texts.failure, message.value, extensions);
    case undefined:
      return broken(texts.message, "empty message");
    case "reply":
      if (message.value.commandId === openCommandId) return judgeReply(dialect, message.value, extensions);
      return broken(texts.reply, wrongCommand(message.value, openCommandId));
  }
}

/** The user function has broken the protocol. */
function broken(text: string, detail: string): Verdict {
  return { kind: "broken", text, detail, isTold: false };
}

/** The user function gave the stream up. If it says why where its developer looks, the caller is told so. */
function givenUp(
  text: string,
  { commandId, description }: Failure,
  extensions: ReadonlySet<string>,
): Verdict {
  const isTold = extensions.has(FAILURES);
  return {
    kind: "broken",
    text: isTold ? `${text}${WHERE_TO_LOOK}` : text,
    detail: description,
    isTold,
    ofNoCommand: commandId === 0n,
  };
}

const WHERE_TO_LOOK = ": the log of the user function says why";

function judgeReply<Reply extends EntityReplyMessage>(
  dialect: Dialect<Reply>,
  reply: Reply,
  extensions: ReadonlySet<string>,
): Verdict {
  const action = reply.clientAction?.action;
  const changed = dialect.changeOf(reply);
  if (action?.case === "failure") {
    // A failed command changes nothing, whatever came with the failure; but the user function has applied that
    // to its own state, so that state has to go. Its side effects are dropped.
    const forget = action.value.restart || changed.kind !== "none";
    const answer = { ok: false as const, error: commandFailed(action.value, extensions) };
    return { kind: "answer", answer, said: action, forget };
  }
  if (changed.kind === "violation") return violation(changed.text);
  const { sideEffects: effects } = reply;
  const outcome = outcomeOf(action);
  if (changed.kind === "change") {
    const { change, snapshot } = changed;
    return { kind: "commit", change, snapshot, effects, outcome, said: action, forget: false };
  }
  if (effects.length === 0)
    return { kind: "answer", answer: { ok: true, outcome }, said: action, forget: false };
  return commitNoChange(outcome, action, effects, false);
}

/** What to store of an answer that changes nothing, so that a repeat of its command gets it (I7). Undefined: it need not. */
export function keepAnswer({ answer, said, forget }: AnswerVerdict): CommitVerdict | undefined {
  if (answer.ok) return commitNoChange(answer.outcome, said, [], forget);
  const { error } = answer;
  if (!isFinal(error)) return undefined;
  return commitNoChange({ kind: "failure", error, effects: NO_EFFECTS }, said, [], forget);
}

function commitNoChange(
  outcome: Outcome,
  said: Said,
  effects: SideEffectMessage[],
  forget: boolean,
): CommitVerdict {
  return { kind: "commit", change: undefined, snapshot: undefined, effects, outcome, said, forget };
}

function wrongCommand({ commandId }: EntityReplyMessage, openCommandId: bigint | undefined): string {
  const expected = openCommandId === undefined ? "no command is open" : `command ${openCommandId} is open`;
  return `reply to command ${commandId}, but ${expected}`;
}

/** Nothing of the reply takes effect, and both the caller and the user function are told. */
function violation(text: string): Verdict {
  const error = entityError(Status.INTERNAL, "PROTOCOL_VIOLATION", text);
  return { kind: "answer", answer: { ok: false, error }, said: undefined, forget: true, complaint: text };
}

/** What comes of an answer that is no failure. */
export function outcomeOf(said: Said): Outcome {
  if (said?.case === "reply") return readReply(said.value, NO_EFFECTS);
  if (said?.case === "forward") return readForward(said.value, NO_EFFECTS);
  return { kind: "nothing", effects: NO_EFFECTS };
}
