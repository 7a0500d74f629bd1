// SPDX-License-Identifier: Apache-2.0

/**
 * When the function is started, ended and started again: a pure function of state, event and options.
 *
 *     starting ──served──▶ serving        changed: ending ──exited──▶ starting
 *        │  └───refused──▶ refused        exited:  of serving: pausing ──timeUp──▶ starting, `maxTries` times in a row;
 *        └──timeUp──▶ told, still starting         then, and before it served: resting ──changed──▶ starting
 *
 * 1. At most one process runs: a new one is spawned only when the old one has exited.
 * 2. A changed file restarts it at once and resets the count of failures. Apart from `stop`, nothing else ends a
 *    running function.
 * 3. Tries are bounded (I11): after `maxTries` exits in a row it rests until a file changes, or gives up if files are
 *    not watched. An exit after `stableMs` of serving is the first of a new row.
 * 4. A function that ends before it serves is not tried again, because it would fail in the same way.
 * 5. `stop` is final: whatever happens afterwards, nothing is spawned.
 */

import type { BackoffOptions, Random } from "../../../pkg/base/mod.ts";
import { backoffMs } from "../../../pkg/base/mod.ts";

export interface RestartOptions {
  /** Files are watched, so that a change can start the function again. */
  readonly watching: boolean;
  /** Exits in a row after which it is not started again. */
  readonly maxTries: number;
  readonly backoff: BackoffOptions;
  /** Having served for so long counts as a success, in milliseconds. */
  readonly stableMs: number;
  /** How long it may take to serve before its developer is told, in milliseconds. */
  readonly startTimeoutMs: number;
  /** How long it may take to end before it is killed, in milliseconds. */
  readonly stopTimeoutMs: number;
}

export const DEFAULT_RESTART_OPTIONS: RestartOptions = {
  watching: true,
  maxTries: 3,
  backoff: { minMs: 200, maxMs: 5_000, jitter: 0 },
  stableMs: 10_000,
  startTimeoutMs: 15_000,
  stopTimeoutMs: 5_000,
};

/** How a process ended. */
export type Exit =
  | { readonly kind: "code"; readonly code: number }
  | { readonly kind: "signal"; readonly signal: string }
  /** It never ran: there is no such command, or no right to run it. */
  | { readonly kind: "not started"; readonly reason: string };

/** Why the function is started. */
export type StartReason =
  | { readonly kind: "first" }
  | { readonly kind: "changed"; readonly files: readonly string[] }
  | { readonly kind: "exited"; readonly exit: Exit };

export type State =
  | {
      readonly kind: "starting";
      readonly reason: StartReason;
      readonly failures: number;
      readonly sinceMs: number;
    }
  | { readonly kind: "serving"; readonly failures: number; readonly sinceMs: number }
  | { readonly kind: "refused"; readonly failures: number }
  | { readonly kind: "ending"; readonly files: readonly string[] }
  | { readonly kind: "pausing"; readonly failures: number; readonly exit: Exit }
  | { readonly kind: "resting" }
  | { readonly kind: "stopping" }
  | { readonly kind: "stopped" };

export type Event =
  /** Its proxy found it and accepted its services. */
  | { readonly kind: "served" }
  /** Its proxy found it and refused its services. */
  | { readonly kind: "refused" }
  | { readonly kind: "changed"; readonly files: readonly string[] }
  | { readonly kind: "exited"; readonly exit: Exit }
  /** The time of the last `wait` is over. */
  | { readonly kind: "timeUp" }
  | { readonly kind: "stop" };

export type Action =
  | { readonly kind: "spawn" }
  /** Ask it to end. */
  | { readonly kind: "terminate" }
  | { readonly kind: "kill" }
  /** Give a `timeUp` after this time, unless the state changes before. */
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "tell"; readonly news: News }
  /** Nothing will start it again. */
  | { readonly kind: "giveUp" };

/** What its developer is told. */
export type News =
  | { readonly kind: "restarted"; readonly reason: StartReason; readonly tookMs: number }
  /** `hasServed`: in this run. */
  | { readonly kind: "exited"; readonly exit: Exit; readonly hasServed: boolean; readonly next: Next }
  /** It runs but does not serve. */
  | { readonly kind: "silent"; readonly afterMs: number }
  | { readonly kind: "killed"; readonly afterMs: number };

export type Next =
  | { readonly kind: "retry"; readonly inMs: number }
  | { readonly kind: "change" }
  | { readonly kind: "nothing" };

export interface Step {
  readonly state: State;
  readonly actions: readonly Action[];
}

/** The first step. */
export function begin(nowMs: number, options: RestartOptions): Step {
  return start({ kind: "first" }, 0, nowMs, options);
}

export function decide(
  state: State,
  event: Event,
  nowMs: number,
  options: RestartOptions,
  random: Random,
): Step {
  switch (event.kind) {
    case "served":
      return onServed(state, nowMs);
    case "refused":
      return onRefused(state, options);
    case "changed":
      return onChanged(state, event.files, nowMs, options);
    case "exited":
      return onExited(state, event.exit, nowMs, options, random);
    case "timeUp":
      return onTimeUp(state, nowMs, options);
    case "stop":
      return onStop(state, options);
  }
}

function onServed(state: State, nowMs: number): Step {
  if (state.kind === "refused") {
    return { state: { kind: "serving", failures: state.failures, sinceMs: nowMs }, actions: [] };
  }
  if (state.kind !== "starting") return stay(state);
  const { reason, failures, sinceMs } = state;
  const news: News = { kind: "restarted", reason, tookMs: nowMs - sinceMs };
  return {
    state: { kind: "serving", failures, sinceMs: nowMs },
    actions: reason.kind === "first" ? [] : [{ kind: "tell", news }],
  };
}

function onRefused(state: State, options: RestartOptions): Step {
  if (state.kind !== "starting" && state.kind !== "serving") return stay(state);
  return {
    state: { kind: "refused", failures: state.failures },
    actions: options.watching ? [] : [{ kind: "giveUp" }],
  };
}

function onChanged(state: State, files: readonly string[], nowMs: number, options: RestartOptions): Step {
  switch (state.kind) {
    case "starting":
    case "serving":
    case "refused":
      return {
        state: { kind: "ending", files },
        actions: [{ kind: "terminate" }, { kind: "wait", ms: options.stopTimeoutMs }],
      };
    case "pausing":
    case "resting":
      return start({ kind: "changed", files }, 0, nowMs, options);
    case "ending":
    case "stopping":
    case "stopped":
      return stay(state);
  }
}

function onExited(state: State, exit: Exit, nowMs: number, options: RestartOptions, random: Random): Step {
  switch (state.kind) {
    case "ending":
      return start({ kind: "changed", files: state.files }, 0, nowMs, options);
    case "stopping":
      return { state: { kind: "stopped" }, actions: [] };
    case "serving": {
      const stable = nowMs - state.sinceMs >= options.stableMs;
      return afterExit(exit, stable ? 1 : state.failures + 1, options, random);
    }
    case "starting":
    case "refused":
      return afterLastExit(exit, false, options);
    case "pausing":
    case "resting":
    case "stopped":
      return stay(state);
  }
}

function afterExit(exit: Exit, failures: number, options: RestartOptions, random: Random): Step {
  if (failures >= options.maxTries) return afterLastExit(exit, true, options);
  const ms = backoffMs(failures, options.backoff, random);
  const news: News = { kind: "exited", exit, hasServed: true, next: { kind: "retry", inMs: ms } };
  return {
    state: { kind: "pausing", failures, exit },
    actions: [
      { kind: "tell", news },
      { kind: "wait", ms },
    ],
  };
}

/** (3, 4) */
function afterLastExit(exit: Exit, hasServed: boolean, options: RestartOptions): Step {
  const tell = (next: Next): Action => ({ kind: "tell", news: { kind: "exited", exit, hasServed, next } });
  if (exit.kind !== "not started" && options.watching) {
    return { state: { kind: "resting" }, actions: [tell({ kind: "change" })] };
  }
  return { state: { kind: "resting" }, actions: [tell({ kind: "nothing" }), { kind: "giveUp" }] };
}

function onTimeUp(state: State, nowMs: number, options: RestartOptions): Step {
  switch (state.kind) {
    case "starting": {
      const told: Action = { kind: "tell", news: { kind: "silent", afterMs: nowMs - state.sinceMs } };
      return { state, actions: options.watching ? [told] : [told, { kind: "giveUp" }] };
    }
    case "pausing":
      return start({ kind: "exited", exit: state.exit }, state.failures, nowMs, options);
    case "ending":
    case "stopping": {
      const news: News = { kind: "killed", afterMs: options.stopTimeoutMs };
      return { state, actions: [{ kind: "tell", news }, { kind: "kill" }] };
    }
    case "serving":
    case "refused":
    case "resting":
    case "stopped":
      return stay(state);
  }
}

function onStop(state: State, options: RestartOptions): Step {
  switch (state.kind) {
    case "starting":
    case "serving":
    case "refused":
      return {
        state: { kind: "stopping" },
        actions: [{ kind: "terminate" }, { kind: "wait", ms: options.stopTimeoutMs }],
      };
    case "ending":
      // It has been asked to end already, so only its time limit starts again.
      return { state: { kind: "stopping" }, actions: [{ kind: "wait", ms: options.stopTimeoutMs }] };
    case "pausing":
    case "resting":
      return { state: { kind: "stopped" }, actions: [] };
    case "stopping":
    case "stopped":
      return stay(state);
  }
}

function start(reason: StartReason, failures: number, nowMs: number, options: RestartOptions): Step {
  return {
    state: { kind: "starting", reason, failures, sinceMs: nowMs },
    actions: [{ kind: "spawn" }, { kind: "wait", ms: options.startTimeoutMs }],
  };
}

function stay(state: State): Step {
  return { state, actions: [] };
}
