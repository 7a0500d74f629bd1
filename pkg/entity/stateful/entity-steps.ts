// SPDX-License-Identifier: Apache-2.0

import { assert } from "../../base/mod.ts";

import type { Lineage } from "../lineage.ts";
import type { Delivery } from "./delivery.ts";
import type { AnswerVerdict, CommitVerdict } from "./verdict.ts";

/**
 * The states of an entity in memory and the steps between them: one pure function for each thing that can happen to an
 * entity. `StatefulEntity` does the work that belongs to a state when a step enters it. The numbers in parentheses are
 * the clauses of its head comment.
 *
 *     activating ──▶ idle ◀──▶ open ──▶ appending ──▶ idle
 *                     │ ▲
 *                     │ └────▶ marking ──▶ passivating
 *                     ▼
 *                passivating ──▶ gone
 *
 *     replay: ──▶ activating, from any state but gone, if the user function's state is wrong or unknown (4, 12, 13)
 *     stream lost: ──▶ gone, from any state; from appending and marking only after the log has answered
 *     dropped: ──▶ gone, from any state and at once (14)
 *
 * A step throws (`assert`) if its input cannot happen in the state. It returns undefined if the input can happen but
 * has no effect there. The command in progress, that of `open` or `appending`, leaves these states only by a step that
 * settles or retries it (7).
 */
export type EntityState =
  /** The history is read and sent to the user function. */
  | { readonly kind: "activating" }
  /** The user function has the whole history, and no command (5). */
  | { readonly kind: "idle" }
  | Open
  | Appending
  | Marking
  /** The user function was asked to end the stream. */
  | { readonly kind: "passivating" }
  | { readonly kind: "gone" };

/** The user function has the command and has not answered it. */
interface Open {
  readonly kind: "open";
  readonly delivery: Delivery;
}

/** The user function has answered the command, and the log has not acknowledged its record yet. */
export interface Appending {
  readonly kind: "appending";
  readonly delivery: Delivery;
  /** Holds the answer, which does not leave before the record is stored (2). */
  readonly commit: CommitVerdict;
  readonly lineage: Lineage | undefined;
  /** False: the stream was lost meanwhile, so the entity leaves as soon as the log has answered. */
  readonly hasStream: boolean;
}

/** The log has not acknowledged the record that says which side effects are done (10). */
interface Marking {
  readonly kind: "marking";
  /** The entity leaves memory afterwards if no command has come by then. */
  readonly isLeaving: boolean;
  readonly hasStream: boolean;
}

/** The next state, and what becomes of the command in progress. */
export interface Step {
  readonly state: EntityState;
  /**
   * `settled`: its caller gets an answer or an error. `retried`: it waits again, before all other commands. `kept`: it
   * stays in progress, or there is none.
   */
  readonly command: "kept" | "settled" | "retried";
}

/** The state of a new entity. */
export const ACTIVATING: EntityState = { kind: "activating" };

const IDLE: EntityState = { kind: "idle" };
const MARKING: Marking = { kind: "marking", isLeaving: false, hasStream: true };
const MARKING_TO_LEAVE: Marking = { ...MARKING, isLeaving: true };
const PASSIVATING: EntityState = { kind: "passivating" };
const GONE: EntityState = { kind: "gone" };

// Shared by all entities: of the steps of a command, only those that hold data are made anew.
const TO_IDLE: Step = { state: IDLE, command: "kept" };
const TO_REPLAY: Step = { state: ACTIVATING, command: "kept" };
const TO_MARK: Step = { state: MARKING, command: "kept" };
const TO_MARK_AND_LEAVE: Step = { state: MARKING_TO_LEAVE, command: "kept" };
const TO_PASSIVATE: Step = { state: PASSIVATING, command: "kept" };
const TO_LEAVE: Step = { state: GONE, command: "kept" };
const SETTLED_TO_IDLE: Step = { state: IDLE, command: "settled" };
const SETTLED_TO_REPLAY: Step = { state: ACTIVATING, command: "settled" };
const SETTLED_TO_LEAVE: Step = { state: GONE, command: "settled" };
const RETRIED_TO_REPLAY: Step = { state: ACTIVATING, command: "retried" };

/** The command in progress. */
export function inProgress(state: EntityState): Delivery | undefined {
  return "delivery" in state ? state.delivery : undefined;
}

// Activation

/** (5) The history was read to its end, nothing of it is missing, and the user function has been sent all of it. */
export function onReplayed(state: EntityState): Step {
  assert(state.kind === "activating", "only an activation reads the history");
  return TO_IDLE;
}

/** The history or the user function cannot be used, or there is a bug: the entity leaves, whatever its state. */
export function onActivationFailed(state: EntityState): Step | undefined {
  if (state.kind === "gone") return undefined;
  return state.kind === "open" || state.kind === "appending" ? SETTLED_TO_LEAVE : TO_LEAVE;
}

// Commands

/** Whether a command that arrives now waits behind others. */
export function mustWait(state: EntityState): boolean {
  assert(state.kind !== "gone", "a gone entity gets no commands");
  return state.kind !== "idle";
}

/** (1) The next command is sent to the user function. */
export function onCommand(state: EntityState, delivery: Delivery): Step {
  assert(state.kind === "idle", "I2: no other command is open");
  return { state: { kind: "open", delivery }, command: "kept" };
}

/** (13) The next command is of another service, which needs a stream of its own. */
export function onOtherService(state: EntityState): Step {
  assert(state.kind === "idle", "I2: no other command is open");
  return TO_REPLAY;
}

/** The user function has answered the open command, and nothing of the answer has to be stored. */
export function onAnswer(state: EntityState, { mustReplay }: AnswerVerdict): Step {
  assert(state.kind === "open", "only an open command is answered");
  return mustReplay ? SETTLED_TO_REPLAY : SETTLED_TO_IDLE;
}

/** (9, 11) The answer is too much: nothing of it is stored, and the user function may have applied its change. */
export function onAnswerRefused(state: EntityState, verdict: AnswerVerdict | CommitVerdict): Step {
  assert(state.kind === "open", "only an open command is answered");
  const isChanged = verdict.kind === "commit" && verdict.change !== undefined;
  return isChanged || verdict.mustReplay ? SETTLED_TO_REPLAY : SETTLED_TO_IDLE;
}

/** (2, I1) The answer has to be stored before it leaves. */
export function onCommit(state: EntityState, commit: CommitVerdict, lineage: Lineage | undefined): Step {
  assert(state.kind === "open", "I4: only an open command is appended");
  const { delivery } = state;
  return { state: { kind: "appending", delivery, commit, lineage, hasStream: true }, command: "kept" };
}

/** The user function has not answered within the relay time-out, and may or may not have carried the command out. */
export function onRelayTimeout(state: EntityState): Step | undefined {
  return state.kind === "open" ? SETTLED_TO_REPLAY : undefined;
}

// The log's answers

/** (2, I1) The record is stored: this is the only step that lets the answer of a stored command leave. */
export function onStored(state: EntityState, hasWaiting: boolean): Step {
  if (state.kind === "marking") return afterMarking(state, hasWaiting);
  assert(state.kind === "appending", "(3) only appending and marking have an append in flight");
  if (!state.hasStream) return SETTLED_TO_LEAVE;
  return state.commit.mustReplay ? SETTLED_TO_REPLAY : SETTLED_TO_IDLE;
}

/**
 * (4, I3, I5) The log has refused the record, or nobody knows whether it is stored. The user function has applied the
 * change already, so its state is wrong, or unknown, until the history has been read again. A mark changes no state, so
 * the history is read again only if another record may follow the last one that the entity knows.
 */
export function onNotStored(
  state: EntityState,
  code: string,
  hasWaiting: boolean,
  maxConflictRetries: number,
): Step {
  const isConflict = code === "APPEND_CONFLICT";
  if (state.kind === "marking") {
    const isPlaceUnknown = isConflict || code === "OUTCOME_UNKNOWN";
    return isPlaceUnknown && state.hasStream ? TO_REPLAY : afterMarking(state, hasWaiting);
  }
  assert(state.kind === "appending", "(3) only appending and marking have an append in flight");
  if (!state.hasStream) return SETTLED_TO_LEAVE;
  return isConflict && state.delivery.conflicts < maxConflictRetries ? RETRIED_TO_REPLAY : SETTLED_TO_REPLAY;
}

function afterMarking({ hasStream, isLeaving }: Marking, hasWaiting: boolean): Step {
  if (!hasStream) return TO_LEAVE;
  return isLeaving && !hasWaiting ? TO_PASSIVATE : TO_IDLE;
}

// Leaving memory

/** The entity is asked to leave. @param isMarked a record says which side effects are done (10). */
export function onPassivate(state: EntityState, isMarked: boolean): Step | undefined {
  if (state.kind !== "idle") return undefined;
  return isMarked ? TO_PASSIVATE : TO_MARK_AND_LEAVE;
}

/** (10) No record has come for a while. @param isMarked as in `onPassivate`. */
export function onMarkDue(state: EntityState, isMarked: boolean): Step | undefined {
  return state.kind === "idle" && !isMarked ? TO_MARK : undefined;
}

/** The user function has ended the stream, as it was asked to. @param hasWaiting commands wait in the mailbox. */
export function onPassivated(state: EntityState, hasWaiting: boolean): Step {
  assert(state.kind === "passivating", "only a passivating entity has asked for the end of its stream");
  return hasWaiting ? TO_REPLAY : TO_LEAVE;
}

/**
 * (14) Another proxy may have the entity, so nothing here is true any more. A record that is on its way to the log may
 * still be stored. Nobody waits for the log's answer, and a gone entity does not hear it.
 */
export function onDropped(state: EntityState): Step {
  assert(state.kind !== "gone", "an entity is dropped while it is in memory");
  return inProgress(state) === undefined ? TO_LEAVE : SETTLED_TO_LEAVE;
}

// Losses of the stream

/** The stream has ended unasked, the user function has broken the protocol on it, or has no room for it. */
export function onStreamLost(state: EntityState): Step {
  switch (state.kind) {
    case "open":
      return SETTLED_TO_LEAVE;
    case "appending":
    case "marking":
      // (2, 3) The log decides what the caller is told, so the entity stays until it has answered.
      assert(state.hasStream, "a stream is lost once");
      return { state: { ...state, hasStream: false }, command: "kept" };
    case "activating":
    case "idle":
    case "passivating":
      return TO_LEAVE;
    case "gone":
      assert(false, "a gone entity has no stream");
  }
}

/** (12) Whether a loss of the stream may be a refusal of the snapshot: not in `marking`, whose append decides. */
export function mayRefuseSnapshot(state: EntityState): boolean {
  return state.kind !== "marking";
}

/** (12) The user function has refused the snapshot. An activation that is under way reads again by itself. */
export function onSnapshotRefused(state: EntityState): Step {
  if (state.kind === "open") return RETRIED_TO_REPLAY;
  const isBeforeAnswer = state.kind === "activating" || state.kind === "idle" || state.kind === "passivating";
  assert(isBeforeAnswer, "(12) a snapshot is refused before the first answer");
  return TO_REPLAY;
}
