// SPDX-License-Identifier: Apache-2.0

import type { Any } from "@bufbuild/protobuf/wkt";

import type { StatusError } from "../../grpc/mod.ts";
import { Status } from "../../grpc/mod.ts";
import type { ClientAction, Failure, SideEffectMessage } from "../../protocol/mod.ts";
import { MessageError } from "../../protocol/mod.ts";
import type { Change } from "../../record/mod.ts";
import { FAILURES } from "../../userfunction/mod.ts";

import { readForward, readReply } from "../client-action.ts";
import { commandFailed, isFinal } from "../failure.ts";
import type { Outcome } from "../outcome.ts";
import { NO_EFFECTS } from "../outcome.ts";
import { entityError } from "./entity-error.ts";

/**
 * What a message of the user function means for the open command: a pure function of the message and the command's id
 * (Cloudstate 0.2, event sourced and value entities, abnormal events of a stream).
 */
export type Verdict =
  | CommitVerdict
  | AnswerVerdict
  /** The stream is unusable from now on. `isTold`: the user function itself tells its developer why (`FAILURES`). */
  | {
      readonly kind: "broken";
      readonly text: string;
      readonly detail: string;
      readonly isTold: boolean;
      /** The user function sent a failure that names no command. */
      readonly ofNoCommand?: boolean;
    };

/** Nothing to store: answer at once. */
export interface AnswerVerdict {
  readonly kind: "answer";
  readonly answer: Answer;
  readonly action: GivenAction;
  /** The user function's state of the entity may be wrong: replay the entity afterwards. */
  readonly mustReplay: boolean;
  readonly complaint?: string;
}

/** Store the change and the side effects. Carry the effects out, and answer, only after that. */
export interface CommitVerdict {
  readonly kind: "commit";
  /** Undefined: none. */
  readonly change: Change | undefined;
  /** The state after it, from which a later replay may start. */
  readonly snapshot: Any | undefined;
  readonly effects: SideEffectMessage[];
  /** Without the side effects. */
  readonly outcome: Outcome;
  readonly action: GivenAction;
  readonly mustReplay: boolean;
}

/** How the user function answered: with a reply, a forward, a failure, or nothing. */
export type GivenAction = ClientAction["action"] | undefined;

export type Answer =
  /** Without side effects. */
  { readonly ok: true; readonly outcome: Outcome } | { readonly ok: false; readonly error: StatusError };

/**
 * The error texts that callers get when an entity's stream fails. They are Cloudstate's texts to the letter, because
 * clients and its TCK compare them.
 */
export interface StreamTexts {
  /** A reply to a command that is not open. */
  readonly reply: string;
  /** The user function sent a failure for the stream. */
  readonly failure: string;
  /** Not a message of the protocol. */
  readonly message: string;
  /** The stream ended. */
  readonly termination: string;
  /** For callers whose command was still waiting. */
  readonly waiting: string;
}

/** How the stream messages of one kind of entity are read. `judgeMessage` is the same for all kinds. */
export interface Dialect<Reply extends EntityReplyMessage> {
  /** Name of the message type, for error texts. */
  readonly name: string;
  readonly texts: StreamTexts;
  /** @throws if the bytes are no message, or one with more than `maxFields` fields. */
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
  | { readonly kind: "change"; readonly change: Change | undefined; readonly snapshot: Any | undefined }
  /** The reply contradicts itself. */
  | { readonly kind: "violation"; readonly text: string };

/** The only one without a change. */
export const NO_CHANGE: ChangeOfReply = { kind: "change", change: undefined, snapshot: undefined };

/** Judges the bytes of one message (`EntityProtocol.judge`). */
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

function broken(text: string, detail: string): Verdict {
  return { kind: "broken", text, detail, isTold: false };
}

/** A failure for the stream. If the user function logs the reason itself (`FAILURES`), the error text says so. */
function givenUp(text: string, failure: Failure, extensions: ReadonlySet<string>): Verdict {
  const isTold = extensions.has(FAILURES);
  return {
    kind: "broken",
    text: isTold ? `${text}${WHERE_TO_LOOK}` : text,
    detail: failure.description,
    isTold,
    ofNoCommand: failure.commandId === 0n,
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
    // A failed command changes nothing, and its side effects are dropped. If a change came with the failure, the user
    // function has applied it to its own state, so the entity is replayed.
    const mustReplay = action.value.restart || changed !== NO_CHANGE;
    const answer = { ok: false as const, error: commandFailed(action.value, extensions) };
    return { kind: "answer", answer, action, mustReplay };
  }
  if (changed.kind === "violation") {
    // Nothing of the reply takes effect. The caller gets an error, and the user function a report.
    const { text: complaint } = changed;
    const error = entityError(Status.INTERNAL, "PROTOCOL_VIOLATION", complaint);
    return { kind: "answer", answer: { ok: false, error }, action: undefined, mustReplay: true, complaint };
  }
  const { change, snapshot } = changed;
  const { sideEffects: effects } = reply;
  const isCommit = change !== undefined || effects.length > 0;
  const outcome = outcomeOf(action, isCommit);
  if (!isCommit) return { kind: "answer", answer: { ok: true, outcome }, action, mustReplay: false };
  return { kind: "commit", change, snapshot, effects, outcome, action, mustReplay: false };
}

/** The record of an answer without a change, so that a repeat gets it (I7); undefined: a failure that is not final. */
export function keepAnswer({ answer, action, mustReplay }: AnswerVerdict): CommitVerdict | undefined {
  if (!answer.ok && !isFinal(answer.error)) return undefined;
  const outcome: Outcome = answer.ok
    ? answer.outcome
    : { kind: "failure", error: answer.error, effects: NO_EFFECTS };
  return { kind: "commit", change: undefined, snapshot: undefined, effects: [], outcome, action, mustReplay };
}

function wrongCommand({ commandId }: EntityReplyMessage, openCommandId: bigint | undefined): string {
  const expected = openCommandId === undefined ? "no command is open" : `command ${openCommandId} is open`;
  return `reply to command ${commandId}, but ${expected}`;
}

/** The outcome of an answer that is not a failure, without its side effects. @param hasStored when it leaves */
export function outcomeOf(action: GivenAction, hasStored: boolean): Outcome {
  if (action?.case === "reply") return readReply(action.value, NO_EFFECTS, hasStored);
  if (action?.case === "forward") return readForward(action.value, NO_EFFECTS, hasStored);
  return { kind: "nothing", effects: NO_EFFECTS, hasStored };
}
