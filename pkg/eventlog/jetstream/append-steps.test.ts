// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import type { EventLogCode } from "../event-log.ts";
import { EventLogError } from "../event-log.ts";
import type { PublishFailure } from "./api-error.ts";
import type { AppendState, Found, LookStep, Step } from "./append-steps.ts";
import { afterLook, afterPublish, beginAppend } from "./append-steps.ts";
import type { PublishAnswer } from "./publisher.ts";

const DEADLINE_MS = 1_000;
const fresh = beginAppend(DEADLINE_MS);
const inDoubt: AppendState = { ...fresh, failures: 1, mayLand: true };

const unanswered = failure("unanswered", "OUTCOME_UNKNOWN");
const contested = failure("contested", "APPEND_CONFLICT");
const busy = failure("busy", "LOG_UNAVAILABLE");
const refused = failure("refused", "LOG_FULL");

const nothing: Found = { kind: "nothing" };
const ours: Found = { kind: "ours", sequence: 7 };
const foreign: Found = { kind: "foreign", sequence: 7 };
const overwritten: Found = { kind: "overwritten", sequence: 9 };
const unreadable: Found = { kind: "unreadable", error: errorOf("LOG_UNAVAILABLE"), forGood: false };
const forbidden: Found = { ...unreadable, forGood: true };

test("(I5) after a publish: only what is stored, or surely is not, is settled without a look", (t) => {
  const rows: readonly (readonly [AppendState, PublishAnswer, number, string])[] = [
    [fresh, { kind: "stored", sequence: 3 }, 0, "stored 3"],
    [inDoubt, { kind: "stored", sequence: 3 }, 2_000, "stored 3"],
    [fresh, unanswered, 0, "look"],
    [fresh, unanswered, 2_000, "look"],
    [fresh, contested, 0, "look"],
    [fresh, busy, 999, "wait"],
    [fresh, busy, 1_000, "failed LOG_UNAVAILABLE"],
    [fresh, refused, 0, "failed LOG_FULL"],
    [inDoubt, busy, 999, "wait"],
    [inDoubt, busy, 1_000, "look"],
    [inDoubt, refused, 0, "look"],
  ];
  for (const [state, answer, nowMs, expected] of rows) {
    t.is(describe(afterPublish(state, answer, nowMs)), expected, `${answer.kind} at ${nowMs}`);
  }
});

test("(I5) after a look: the first behind the fence settles it, nothing there never does", (t) => {
  const rows: readonly (readonly [AppendState, PublishFailure, Found, number, string])[] = [
    [inDoubt, unanswered, ours, 2_000, "stored 7"],
    [inDoubt, unanswered, foreign, 0, "failed APPEND_CONFLICT"],
    [inDoubt, unanswered, overwritten, 0, "failed OUTCOME_UNKNOWN"],
    [inDoubt, contested, overwritten, 0, "failed OUTCOME_UNKNOWN"],
    [fresh, contested, overwritten, 0, "failed APPEND_CONFLICT"],
    [inDoubt, unanswered, nothing, 999, "wait"],
    [inDoubt, unanswered, nothing, 1_000, "failed OUTCOME_UNKNOWN"],
    [inDoubt, unanswered, unreadable, 999, "wait"],
    [inDoubt, unanswered, forbidden, 999, "wait"],
    [inDoubt, unanswered, unreadable, 1_000, "failed OUTCOME_UNKNOWN"],
    [inDoubt, contested, ours, 0, "stored 7"],
    [inDoubt, contested, nothing, 999, "wait"],
    [inDoubt, contested, unreadable, 999, "wait"],
    [inDoubt, contested, forbidden, 0, "failed OUTCOME_UNKNOWN"],
    [inDoubt, contested, { ...nothing }, 1_000, "failed OUTCOME_UNKNOWN"],
    [inDoubt, refused, nothing, 0, "failed OUTCOME_UNKNOWN"],
    [inDoubt, refused, ours, 0, "stored 7"],
    [inDoubt, busy, nothing, 1_000, "failed OUTCOME_UNKNOWN"],
    [fresh, contested, foreign, 0, "failed APPEND_CONFLICT"],
    [fresh, contested, unreadable, 0, "failed APPEND_CONFLICT"],
    [fresh, contested, nothing, 0, "wait"],
    [{ ...fresh, missing: 1 }, contested, nothing, 0, "wait"],
    [{ ...fresh, missing: 2 }, contested, nothing, 0, "failed APPEND_CONFLICT"],
    [{ ...inDoubt, missing: 9 }, contested, nothing, 0, "wait"],
  ];
  for (const [state, why, found, nowMs, expected] of rows) {
    t.is(describe(afterLook(state, why, found, nowMs)), expected, `${why.kind}, ${found.kind} at ${nowMs}`);
  }
});

/** One try: its fate, what a look at the log finds, and what happens meanwhile. */
const turn = fc.record({
  fate: fc.constantFrom("good", "good", "answer lost", "late", "lost", "busy", "refused"),
  look: fc.constantFrom("good", "good", "stale", "unreadable", "forbidden"),
  meanwhile: fc.constantFrom("quiet", "quiet", "late one lands", "another writes"),
  tookMs: fc.nat(200),
});

/** More turns than fit before the deadline. */
const ENOUGH = { minLength: 60, maxLength: 60 };

/** All tries have the same fate, as when there is no leader. */
const weather = turn.map((one) => Array.from({ length: ENOUGH.minLength }, () => one));

for (const replaces of [false, true]) {
  const what = replaces ? "a replacement" : "an append";
  test(`(I5) whatever happens to ${what}: what is said is true and stays true, and at most one try is ever stored`, (t) => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(fc.oneof(weather, fc.array(turn, ENOUGH)), fc.nat(2), (turns, lead) => {
        const log = new OneSubject(replaces);
        const said = run(log, turns, lead);
        seen.set(said, (seen.get(said) ?? 0) + 1);
        const own = () => log.marks.flatMap((mark, index) => (mark === "ours" ? [index + 1] : []));
        if (said.startsWith("stored")) t.deepEqual(own(), [Number(said.split(" ")[1])]);
        log.landAll();
        if (said.startsWith("stored")) t.deepEqual(own(), [Number(said.split(" ")[1])]);
        else if (said === "failed OUTCOME_UNKNOWN") t.true(own().length <= 1);
        else t.deepEqual(own(), [], said);
      }),
      { numRuns: 2_000 },
    );
    // Checks that each result occurs, because the property also holds of an append that always gives up.
    for (const code of ["APPEND_CONFLICT", "OUTCOME_UNKNOWN", "LOG_FULL", "LOG_UNAVAILABLE"]) {
      t.true(seen.has(`failed ${code}`), code);
    }
    t.true((seen.get("stored 1") ?? 0) > 100);
  });
}

/** A subject of a stream that takes nothing else: sequences are 1, 2, 3. */
class OneSubject {
  readonly marks: ("ours" | "foreign")[] = [];
  readonly #late: number[] = [];
  /** True if a record replaces the one before it, so that only the last one is there. */
  readonly #replaces: boolean;

  constructor(replaces: boolean) {
    this.#replaces = replaces;
  }

  /** True if it is stored. */
  publish(expected: number, mark: "ours" | "foreign"): boolean {
    if (expected !== this.marks.length) return false;
    this.marks.push(mark);
    return true;
  }

  hold(expected: number): void {
    this.#late.push(expected);
  }

  landOne(): void {
    const expected = this.#late.shift();
    if (expected !== undefined) this.publish(expected, "ours");
  }

  landAll(): void {
    while (this.#late.length > 0) this.landOne();
  }

  firstBehind(expected: number): Found {
    const last = this.marks.length;
    if (this.#replaces && last > expected + 1) {
      return { kind: this.marks[last - 1] === "ours" ? "ours" : "overwritten", sequence: last };
    }
    const kind = this.marks[expected];
    return kind === undefined ? nothing : { kind, sequence: expected + 1 };
  }
}

type Turn = typeof turn extends fc.Arbitrary<infer T> ? T : never;

/**
 * @param lead with 2, `expected` is one ahead of the log, because a caller may name a position that the log never
 * gave.
 */
function run(log: OneSubject, turns: readonly Turn[], lead: number): string {
  const expected = lead === 2 ? 1 : 0;
  let state = fresh;
  let nowMs = 0;
  for (const { fate, look, meanwhile, tookMs } of turns) {
    const answer = answerOf(log, fate, expected);
    nowMs += tookMs;
    if (meanwhile === "late one lands") log.landOne();
    if (meanwhile === "another writes") log.publish(log.marks.length, "foreign");
    let step = afterPublish(state, answer, nowMs);
    if (step.kind === "look") {
      step = afterLook(step.state, step.failure, foundBy(log, look, expected), (nowMs += tookMs));
    }
    if (step.kind !== "wait") return describe(step);
    state = step.state;
    nowMs += 50;
  }
  throw new Error("it never ends");
}

function answerOf(log: OneSubject, fate: Turn["fate"], expected: number): PublishAnswer {
  switch (fate) {
    case "good":
      return log.publish(expected, "ours") ? { kind: "stored", sequence: expected + 1 } : contested;
    case "answer lost":
      log.publish(expected, "ours");
      return unanswered;
    case "late":
      log.hold(expected);
      return unanswered;
    case "lost":
      return unanswered;
    case "busy":
      return busy;
    case "refused":
      return refused;
  }
}

function foundBy(log: OneSubject, look: Turn["look"], expected: number): Found {
  if (look === "good") return log.firstBehind(expected);
  if (look === "stale") return nothing;
  return look === "forbidden" ? forbidden : unreadable;
}

function describe(step: Step | LookStep): string {
  if (step.kind === "stored") return `stored ${step.sequence}`;
  return step.kind === "failed" ? `failed ${step.error.code}` : step.kind;
}

function failure(kind: PublishFailure["kind"], code: EventLogCode): PublishFailure {
  return { kind, error: errorOf(code) };
}

function errorOf(code: EventLogCode): EventLogError {
  return new EventLogError(code, `cart/ann: ${code}`);
}
