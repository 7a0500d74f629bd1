// SPDX-License-Identifier: Apache-2.0

import type { Position } from "../event-log.ts";
import { EventLogError } from "../event-log.ts";
import type { PublishFailure } from "./api-error.ts";
import type { PublishAnswer } from "./publisher.ts";

/**
 * The steps of an append: what it does after each answer (I5). Only a read of the log shows what became of it, so
 * nothing here guesses:
 *
 *     publish ──▶ stored ────────────────────────────────────────────▶ stored
 *        ▲ │
 *        │ ├────▶ unanswered, contested ──▶ look ──▶ ours ───────────▶ stored
 *        │ │                                 │ └────▶ another's ──────▶ failed: APPEND_CONFLICT
 *        │ └────▶ busy ──┐                   ▼
 *        └──── wait ◀────┴────────────────── nothing there, or not readable
 *
 * 1. Every try has the same bytes and the same fence (expected position), so at most one of them is ever stored,
 *    however late it reaches the server.
 * 2. A look reads the first message after the expected position and compares its mark (`author.ts`). This message
 *    settles the outcome, because the fence lets no second one into its place.
 * 3. Once a try went unanswered (`mayLand`: it may still be stored), only one thing proves that it is not stored:
 *    another writer's message in its place. Otherwise the append ends with `OUTCOME_UNKNOWN`. It ends with any other
 *    code only if no try may land. Where records are replaced, the other writer's message may have replaced ours:
 *    then it is `OUTCOME_UNKNOWN` at once.
 * 4. Before it gives up, the append looks once more for a try that may have landed.
 */
export interface AppendState {
  /** No try begins later. Monotonic milliseconds. */
  readonly deadlineMs: number;
  /** Publishes that were sent and have failed. */
  readonly failures: number;
  /** A try went unanswered, so it may be stored now or later. */
  readonly mayLand: boolean;
  /** How often in a row the server said that another message is in the place, and a look found none. */
  readonly missing: number;
}

/** The next step: the append is settled, or the caller waits, publishes again and calls `afterPublish`. */
export type Step =
  | { readonly kind: "stored"; readonly sequence: Position }
  | { readonly kind: "failed"; readonly error: EventLogError }
  | { readonly kind: "wait"; readonly state: AppendState };

/** The caller looks for the first message after the expected position, then calls `afterLook`. */
export interface LookStep {
  readonly kind: "look";
  readonly failure: PublishFailure;
  readonly state: AppendState;
}

/** The first message after the expected position. */
export type Found =
  /** `overwritten`: another's, which replaced the message that was there first. Whose that was cannot be known. */
  | { readonly kind: "ours" | "foreign" | "overwritten"; readonly sequence: Position }
  | { readonly kind: "nothing" }
  /** `forGood`: it stays unreadable until an operator changes something. */
  | { readonly kind: "unreadable"; readonly error: EventLogError; readonly forGood: boolean };

/**
 * How often a conflict without a message in the place is not believed, because a former leader may lag behind. But the
 * caller may also have named a position that the log never assigned.
 */
const MAX_MISSING = 2;

export function beginAppend(deadlineMs: number): AppendState {
  return { deadlineMs, failures: 0, mayLand: false, missing: 0 };
}

export function afterPublish(before: AppendState, answer: PublishAnswer, nowMs: number): Step | LookStep {
  if (answer.kind === "stored") return answer;
  const state = { ...before, failures: before.failures + 1 };
  switch (answer.kind) {
    case "unanswered":
      return { kind: "look", failure: answer, state: { ...state, mayLand: true } };
    case "contested":
      return { kind: "look", failure: answer, state };
    case "busy":
      if (nowMs < state.deadlineMs) return { kind: "wait", state };
      break;
    case "refused":
      break;
  }
  return state.mayLand ? { kind: "look", failure: answer, state } : { kind: "failed", error: answer.error };
}

export function afterLook(before: AppendState, failure: PublishFailure, found: Found, nowMs: number): Step {
  if (found.kind === "ours") return { kind: "stored", sequence: found.sequence };
  if (found.kind === "foreign" || (found.kind === "overwritten" && !before.mayLand)) {
    return { kind: "failed", error: conflict(failure, found.sequence) };
  }
  if (found.kind === "overwritten") return { kind: "failed", error: unknown(failure, found) };
  const contested = failure.kind === "contested";
  const state = { ...before, missing: contested && found.kind === "nothing" ? before.missing + 1 : 0 };
  if (contested && !state.mayLand && (found.kind === "unreadable" || state.missing > MAX_MISSING)) {
    return { kind: "failed", error: failure.error };
  }
  const hopeless = failure.kind === "refused" || (contested && found.kind === "unreadable" && found.forGood);
  if (nowMs < state.deadlineMs && !hopeless) return { kind: "wait", state };
  return { kind: "failed", error: state.mayLand ? unknown(failure, found) : failure.error };
}

function conflict({ error }: PublishFailure, sequence: Position): EventLogError {
  const text = `${error.message}; another's record stands at ${sequence}`;
  return new EventLogError("APPEND_CONFLICT", text, { cause: error.cause });
}

function unknown({ error }: PublishFailure, found: Found): EventLogError {
  const text = `${error.message}; it ${seen(found)}`;
  return new EventLogError("OUTCOME_UNKNOWN", text, { cause: error });
}

function seen(found: Found): string {
  switch (found.kind) {
    case "unreadable":
      return `cannot be looked up (${found.error.message}) and may be stored`;
    case "overwritten":
      return `may have been stored: what was there has been replaced by another's record at ${found.sequence}`;
    case "ours":
    case "foreign":
    case "nothing":
      return `is not there yet${SILENT} and may be stored`;
  }
}

/** The most likely cause if a stream answers reads but no append: it stays silent until its server is restarted. */
const SILENT = " (a stream whose disk is full or broken takes appends in silence: see the server's log)";
