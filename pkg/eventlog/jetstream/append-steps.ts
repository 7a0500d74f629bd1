// SPDX-License-Identifier: Apache-2.0

import { EventLogError } from "../event-log.ts";
import type { Position } from "../event-log.ts";
import type { PublishFailure } from "./nats-error.ts";
import type { PublishAnswer } from "./publisher.ts";

/**
 * How an append goes on after each answer (I5). Only the log says what became of it, so nothing here guesses:
 *
 *     publish ──▶ stored ────────────────────────────────────────────▶ stored
 *        ▲ │
 *        │ ├────▶ unanswered, contested ──▶ look ──▶ ours ───────────▶ stored
 *        │ │                                 │ └────▶ another's ──────▶ failed: APPEND_CONFLICT
 *        │ └────▶ busy ──┐                   ▼
 *        └──── wait ◀────┴────────────────── nothing there, or not readable
 *
 * 1. Every try has the same bytes and the same fence, so at most one of them is ever stored, however late it lands.
 * 2. It is looked up which message is the first behind the fence, and whose mark it has. The first one settles it: the
 *    fence lets no other one in there.
 * 3. Once a try went unanswered (`mayLand`) no later answer makes sure that it is not stored, save that another's message
 *    is where it was to go. So in the end it is `OUTCOME_UNKNOWN`, and any other code only if no try may land.
 *    Where records are replaced, that one may have taken the place of ours: then it is `OUTCOME_UNKNOWN` at once.
 * 4. Before it gives up, what may have landed is looked up once more.
 */
export interface AppendState {
  /** No try begins later. Monotonic milliseconds. */
  readonly deadlineMs: number;
  /** Publishes that were sent and have failed. */
  readonly failures: number;
  /** A try went unanswered, so it may be stored now or later. */
  readonly mayLand: boolean;
  /** Times in a row that the server said that another one is there, and none was found. */
  readonly missing: number;
}

/** What to do next: it is settled, or back off, publish again, then `afterPublish`. */
export type Step =
  | { readonly kind: "stored"; readonly sequence: Position }
  | { readonly kind: "failed"; readonly error: EventLogError }
  | { readonly kind: "wait"; readonly state: AppendState };

/** Find the first message behind the fence, then `afterLook`. */
export interface LookStep {
  readonly kind: "look";
  readonly failure: PublishFailure;
  readonly state: AppendState;
}

/** What is the first behind the fence. */
export type Found =
  | { readonly kind: "ours"; readonly sequence: Position }
  | { readonly kind: "foreign"; readonly sequence: Position }
  /** Another's, which replaced one that was behind the fence: it cannot be told whose that was. */
  | { readonly kind: "overwritten"; readonly sequence: Position }
  | { readonly kind: "nothing" }
  /** `forGood`: it will not be readable before somebody changes something. */
  | { readonly kind: "unreadable"; readonly error: EventLogError; readonly forGood: boolean };

/**
 * The server contradicts itself so often before it is believed. It may be one that was the leader and lags behind; but
 * it may as well be that the caller names a position which the log never gave.
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

/** What answers reads but no append is most likely this: it says nothing more until its server is restarted. */
const SILENT = " (a stream whose disk is full or broken takes appends in silence: see the server's log)";
