// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { CALLERS_LINEAGE } from "../lineage.ts";
import { NO_EFFECTS } from "../outcome.ts";
import { addCommand } from "../testdata/add-command.ts";
import type { Delivery } from "./delivery.ts";
import type { EntityState, Step } from "./entity-steps.ts";
import {
  ACTIVATING,
  mayRefuseSnapshot,
  mustWait,
  onActivationFailed,
  onAnswer,
  onAnswerRefused,
  onCommand,
  onCommit,
  onDropped,
  onMarkDue,
  onNotStored,
  onOtherService,
  onPassivate,
  onPassivated,
  onRelayTimeout,
  onReplayed,
  onSnapshotRefused,
  onStored,
  onStreamLost,
} from "./entity-steps.ts";
import type { AnswerVerdict, CommitVerdict } from "./verdict.ts";

const MAX_CONFLICT_RETRIES = 2;
const OUTCOME = { kind: "nothing", effects: NO_EFFECTS } as const;
const ANSWER: AnswerVerdict = {
  kind: "answer",
  answer: { ok: true, outcome: OUTCOME },
  action: undefined,
  mustReplay: false,
};
const COMMIT: CommitVerdict = {
  kind: "commit",
  change: { kind: "events", events: [] },
  snapshot: undefined,
  effects: [],
  outcome: OUTCOME,
  action: undefined,
  mustReplay: false,
};
const KEPT: CommitVerdict = { ...COMMIT, change: undefined };

function delivery(conflicts = 0): Delivery {
  const nothing = (): void => undefined;
  const command = addCommand();
  return { command, arrivedMs: 0, abandoned: false, conflicts, resolve: nothing, reject: nothing };
}

const appending = { kind: "appending", delivery: delivery(), commit: COMMIT, lineage: undefined } as const;

/** By their names in the table. */
const STATES: Readonly<Record<string, EntityState>> = {
  activating: ACTIVATING,
  idle: { kind: "idle" },
  open: { kind: "open", delivery: delivery() },
  appending: { ...appending, hasStream: true },
  "appending-": { ...appending, hasStream: false },
  marking: { kind: "marking", isLeaving: false, hasStream: true },
  "marking-": { kind: "marking", isLeaving: false, hasStream: false },
  leaving: { kind: "marking", isLeaving: true, hasStream: true },
  "leaving-": { kind: "marking", isLeaving: true, hasStream: false },
  passivating: { kind: "passivating" },
  gone: { kind: "gone" },
};

const INPUTS: Readonly<Record<string, (state: EntityState) => Step | undefined>> = {
  replayed: onReplayed,
  "activation failed": onActivationFailed,
  command: (state) => onCommand(state, delivery()),
  "other service": onOtherService,
  answer: (state) => onAnswer(state, ANSWER),
  "answer, replay": (state) => onAnswer(state, { ...ANSWER, mustReplay: true }),
  "refused answer": (state) => onAnswerRefused(state, ANSWER),
  "refused, replay": (state) => onAnswerRefused(state, { ...ANSWER, mustReplay: true }),
  "refused, changed": (state) => onAnswerRefused(state, COMMIT),
  "refused, kept": (state) => onAnswerRefused(state, KEPT),
  commit: (state) => onCommit(state, COMMIT, undefined),
  "relay time-out": onRelayTimeout,
  stored: (state) => onStored(state, false),
  "stored, waiting": (state) => onStored(state, true),
  conflict: (state) => onNotStored(state, "APPEND_CONFLICT", false, MAX_CONFLICT_RETRIES),
  "conflict, waiting": (state) => onNotStored(state, "APPEND_CONFLICT", true, MAX_CONFLICT_RETRIES),
  "no retries left": (state) => onNotStored(state, "APPEND_CONFLICT", false, 0),
  "outcome unknown": (state) => onNotStored(state, "OUTCOME_UNKNOWN", false, MAX_CONFLICT_RETRIES),
  "log full": (state) => onNotStored(state, "LOG_FULL", false, MAX_CONFLICT_RETRIES),
  "log full, waiting": (state) => onNotStored(state, "LOG_FULL", true, MAX_CONFLICT_RETRIES),
  "passivate, marked": (state) => onPassivate(state, true),
  passivate: (state) => onPassivate(state, false),
  "mark due": (state) => onMarkDue(state, false),
  "mark due, marked": (state) => onMarkDue(state, true),
  passivated: (state) => onPassivated(state, false),
  "passivated, waiting": (state) => onPassivated(state, true),
  "stream lost": onStreamLost,
  "snapshot refused": onSnapshotRefused,
  dropped: onDropped,
};

/**
 * Every state with every input. A cell is the next state; `*` after it: the command in progress is settled, `^`: it is
 * retried. `.`: nothing happens; `!`: cannot happen. `-`: the stream is lost.
 */
const TABLE = `
                    activating idle        open        appending   appending- marking     marking- leaving     leaving- passivating gone
replayed            idle       !           !           !           !          !           !        !           !        !           !
activation failed   gone       gone        gone*       gone*       gone*      gone        gone     gone        gone     gone        .
command             !          open        !           !           !          !           !        !           !        !           !
other service       !          activating  !           !           !          !           !        !           !        !           !
answer              !          !           idle*       !           !          !           !        !           !        !           !
answer, replay      !          !           activating* !           !          !           !        !           !        !           !
refused answer      !          !           idle*       !           !          !           !        !           !        !           !
refused, replay     !          !           activating* !           !          !           !        !           !        !           !
refused, changed    !          !           activating* !           !          !           !        !           !        !           !
refused, kept       !          !           idle*       !           !          !           !        !           !        !           !
commit              !          !           appending   !           !          !           !        !           !        !           !
relay time-out      .          .           activating* .           .          .           .        .           .        .           .
stored              !          !           !           idle*       gone*      idle        gone     passivating gone     !           !
stored, waiting     !          !           !           idle*       gone*      idle        gone     idle        gone     !           !
conflict            !          !           !           activating^ gone*      activating  gone     activating  gone     !           !
conflict, waiting   !          !           !           activating^ gone*      activating  gone     activating  gone     !           !
no retries left     !          !           !           activating* gone*      activating  gone     activating  gone     !           !
outcome unknown     !          !           !           activating* gone*      activating  gone     activating  gone     !           !
log full            !          !           !           activating* gone*      idle        gone     passivating gone     !           !
log full, waiting   !          !           !           activating* gone*      idle        gone     idle        gone     !           !
passivate, marked   .          passivating .           .           .          .           .        .           .        .           .
passivate           .          leaving     .           .           .          .           .        .           .        .           .
mark due            .          marking     .           .           .          .           .        .           .        .           .
mark due, marked    .          .           .           .           .          .           .        .           .        .           .
passivated          !          !           !           !           !          !           !        !           !        gone        !
passivated, waiting !          !           !           !           !          !           !        !           !        activating  !
stream lost         gone       gone        gone*       appending-  !          marking-    !        leaving-    !        gone        !
snapshot refused    activating activating  activating^ !           !          !           !        !           !        activating  !
dropped             gone       gone        gone*       gone*       gone*      gone        gone     gone        gone     gone        !
`;

test("every state with every input: the next state and the fate of the command, nothing, or an assertion", (t) => {
  const [head = "", ...rows] = TABLE.split("\n").filter((line) => line !== "");
  const states = head.trim().split(/\s+/);
  t.deepEqual(states, Object.keys(STATES));
  const inputs = rows.map((row) => row.slice(0, 20).trim());
  t.deepEqual(inputs, Object.keys(INPUTS));
  for (const row of rows) {
    const input = row.slice(0, 20).trim();
    const cells = row.slice(20).trim().split(/\s+/);
    t.deepEqual(
      states.map((state) => cell(STATES[state]!, INPUTS[input]!)),
      cells,
      input,
    );
  }
});

function cell(state: EntityState, input: (state: EntityState) => Step | undefined): string {
  let step: Step | undefined;
  try {
    step = input(state);
  } catch (error) {
    return (error as Error).name === "AssertionFailure" ? "!" : String(error);
  }
  return step === undefined
    ? "."
    : `${nameOf(step.state)}${{ kept: "", settled: "*", retried: "^" }[step.command]}`;
}

function nameOf(state: EntityState): string {
  if (state.kind === "marking")
    return `${state.isLeaving ? "leaving" : "marking"}${state.hasStream ? "" : "-"}`;
  return state.kind === "appending" && !state.hasStream ? "appending-" : state.kind;
}

test("a command waits in every state but idle, and a gone entity takes none", (t) => {
  for (const [name, state] of Object.entries(STATES)) {
    if (name === "gone") t.throws(() => mustWait(state), { name: "AssertionFailure" });
    else t.is(mustWait(state), name !== "idle", name);
  }
});

test("a snapshot may be refused in each state with a stream that no command was answered on, but in marking", (t) => {
  for (const [name, state] of Object.entries(STATES))
    t.is(mayRefuseSnapshot(state), state.kind !== "marking", name);
});

test("(2) an appended record keeps its command, its answer and its lineage, also when the stream is lost", (t) => {
  const open: EntityState = { kind: "open", delivery: delivery() };
  const { state } = onCommit(open, COMMIT, CALLERS_LINEAGE);
  t.deepEqual(state, {
    kind: "appending",
    delivery: open.delivery,
    commit: COMMIT,
    lineage: CALLERS_LINEAGE,
    hasStream: true,
  });
  t.deepEqual(onStreamLost(state).state, { ...state, hasStream: false });
});

test("(4) a command is retried after a conflict as often as the option says", (t) => {
  for (const conflicts of [0, 1, 2, 3]) {
    const state = { ...appending, delivery: delivery(conflicts), hasStream: true };
    const { command } = onNotStored(state, "APPEND_CONFLICT", false, MAX_CONFLICT_RETRIES);
    t.is(command, conflicts < MAX_CONFLICT_RETRIES ? "retried" : "settled");
  }
});

/** What may happen around an entity. Those that cannot happen at a time are left out of the run. */
const happening = fc.constantFrom(
  "arrive",
  "arrive",
  "arrive of other service",
  "open stream",
  "replayed",
  "replayed",
  "replayed",
  "replayed",
  "activation failed",
  "answer",
  "answer, replay",
  "refused answer",
  "commit",
  "commit",
  "commit",
  "commit, replay",
  "stored",
  "stored",
  "stored",
  "conflict",
  "outcome unknown",
  "log full",
  "relay time-out",
  "passivate",
  "passivate",
  "mark due",
  "mark due",
  "effect ended",
  "effect ended",
  "effect ended",
  "stream ended",
  "protocol broken",
  "snapshot refused",
  "dropped",
);

test("whatever happens: one append at a time (3), answers after their records (2), each command settled once (7)", (t) => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(fc.array(happening, { minLength: 30, maxLength: 60 }), (happenings) => {
      let run = new Run();
      for (const each of happenings) {
        // A gone entity gets no commands, so the next one takes its place; now and then other things happen to it.
        if (run.kind === "gone" && each === "arrive") run = new Run();
        run.take(each);
        run.check();
        seen.set(run.kind, (seen.get(run.kind) ?? 0) + 1);
      }
    }),
    { numRuns: 2_000 },
  );
  // The property also holds of an entity that never gets anywhere.
  for (const kind of new Set(Object.values(STATES).map(({ kind }) => kind))) {
    t.true((seen.get(kind) ?? 0) > 100, kind);
  }
});

type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

function must(condition: boolean, claim: string): void {
  if (!condition) throw new Error(claim);
}

/** An entity without log and user function, and what the world knows of it. */
class Run {
  #state: EntityState = ACTIVATING;
  #arrived = 0;
  #waiting: { readonly delivery: Delivery; isOfOtherService: boolean }[] = [];
  readonly #settled = new Set<Delivery>();
  /** Commands whose record is stored, or may be. */
  readonly #stored = new Set<Delivery>();
  #stream: "none" | "open" | "ending" = "none";
  /** The user function has answered nothing on the stream, which began with a snapshot. */
  #isOnTrial = false;
  /** The append in flight; a mark is `mark`. */
  #append: Delivery | "mark" | undefined;
  #isMarked = true;

  get kind(): EntityState["kind"] {
    return this.#state.kind;
  }

  take(happening: Happening): void {
    const state = this.#state;
    switch (happening) {
      case "arrive":
      case "arrive of other service":
        return this.#arrive(happening !== "arrive");
      case "open stream":
      case "replayed":
        if (state.kind !== "activating") return;
        if (this.#stream === "none") this.#isOnTrial = true;
        this.#stream = "open";
        if (happening === "replayed") this.#apply(onReplayed(state));
        return;
      case "activation failed":
        if (state.kind === "activating" || state.kind === "gone") this.#apply(onActivationFailed(state));
        return;
      case "answer":
      case "answer, replay":
      case "refused answer":
      case "commit":
      case "commit, replay":
        if (state.kind === "open") this.#answer(state, happening);
        return;
      case "stored":
      case "conflict":
      case "outcome unknown":
      case "log full":
        if (this.#append !== undefined) this.#onLog(this.#append, happening);
        return;
      case "relay time-out":
        return this.#apply(onRelayTimeout(state));
      case "passivate":
        return this.#apply(onPassivate(state, this.#isMarked));
      case "mark due":
        return this.#apply(onMarkDue(state, this.#isMarked));
      case "effect ended":
        this.#isMarked = false;
        return;
      case "stream ended":
      case "protocol broken":
      case "snapshot refused":
        return this.#loseStream(happening);
      case "dropped":
        if (state.kind === "gone") return;
        if (this.#append !== undefined && this.#append !== "mark") this.#stored.add(this.#append);
        // (14) Nobody hears what the log answers.
        this.#append = undefined;
        return this.#apply(onDropped(state));
    }
  }

  check(): void {
    const state = this.#state;
    const { kind } = state;
    const isAppending = kind === "appending" || kind === "marking";
    must(isAppending === (this.#append !== undefined), `(3) an append in flight in ${kind}`);
    const inProgress = kind === "open" || kind === "appending" ? [state.delivery] : [];
    const waiting = this.#waiting.map(({ delivery }) => delivery);
    must(
      this.#settled.size + inProgress.length + waiting.length === this.#arrived,
      "(7) no command is lost, and none is there twice",
    );
    must(![...inProgress, ...waiting].some((one) => this.#settled.has(one)), "(7) settled once");
    must(kind !== "idle" || waiting.length === 0, "an idle entity has nothing to do");
    must(kind !== "gone" || this.#settled.size === this.#arrived, "(7) a gone entity leaves nobody waiting");
    const needsStream = kind === "idle" || kind === "open" || (isAppending && state.hasStream);
    must(!needsStream || this.#stream === "open", `a stream in ${kind}`);
  }

  #arrive(isOfOtherService: boolean): void {
    if (this.#state.kind === "gone") return;
    this.#arrived++;
    this.#waiting.push({ delivery: delivery(), isOfOtherService });
    if (!mustWait(this.#state)) this.#next();
  }

  #answer(state: EntityState, happening: Happening): void {
    this.#isOnTrial = false;
    const mustReplay = happening.endsWith("replay");
    if (happening.startsWith("commit")) this.#apply(onCommit(state, { ...COMMIT, mustReplay }, undefined));
    else if (happening === "refused answer") this.#apply(onAnswerRefused(state, COMMIT));
    else this.#apply(onAnswer(state, { ...ANSWER, mustReplay }));
  }

  #onLog(append: Delivery | "mark", happening: Happening): void {
    const state = this.#state;
    const hasWaiting = this.#waiting.length > 0;
    this.#append = undefined;
    const mayBeStored = happening === "stored" || happening === "outcome unknown";
    if (mayBeStored && append !== "mark") this.#stored.add(append);
    if (happening === "stored") {
      this.#isMarked = true;
      const step = onStored(state, hasWaiting);
      must(append === "mark" || step.command === "settled", "(2) a stored command is answered");
      return this.#apply(step);
    }
    const codes = { conflict: "APPEND_CONFLICT", "outcome unknown": "OUTCOME_UNKNOWN" } as const;
    const code = happening in codes ? codes[happening as keyof typeof codes] : "LOG_FULL";
    const step = onNotStored(state, code, hasWaiting, MAX_CONFLICT_RETRIES);
    if (step.command === "retried" && state.kind === "appending") state.delivery.conflicts++;
    const isReplayed = step.state.kind === "activating" || step.state.kind === "gone";
    must(append === "mark" || isReplayed, "(4) after a failed append of a command nothing in memory is used");
    this.#apply(step);
  }

  #loseStream(happening: Happening): void {
    const state = this.#state;
    if (this.#stream === "none") return;
    if (happening === "snapshot refused") {
      if (!this.#isOnTrial || !mayRefuseSnapshot(state)) return;
      this.#stream = "none";
      this.#isOnTrial = false;
      return this.#apply(onSnapshotRefused(state));
    }
    this.#stream = "none";
    const isAsked = state.kind === "passivating" && happening === "stream ended";
    this.#apply(isAsked ? onPassivated(state, this.#waiting.length > 0) : onStreamLost(state));
  }

  #apply(step: Step | undefined): void {
    if (step === undefined) return;
    const before = this.#state;
    this.#state = step.state;
    if (before.kind === "appending" && step.command === "settled") {
      must(this.#append === undefined, "(2) nobody is told anything before the log has answered");
    }
    if (step.command !== "kept") {
      if (before.kind !== "open" && before.kind !== "appending")
        throw new Error("(7) no command in progress");
      if (step.command === "settled") this.#settle(before.delivery);
      else this.#waiting.unshift({ delivery: before.delivery, isOfOtherService: false });
    }
    if (before.kind !== step.state.kind) this.#enter(step.state);
  }

  #enter(state: EntityState): void {
    switch (state.kind) {
      case "activating":
        this.#stream = "none";
        return;
      case "idle":
        return this.#next();
      case "open":
        return;
      case "appending":
      case "marking":
        must(this.#append === undefined, "I4: one append at a time");
        this.#append = state.kind === "appending" ? state.delivery : "mark";
        return;
      case "passivating":
        this.#stream = "ending";
        return;
      case "gone":
        this.#stream = "none";
        for (const { delivery } of this.#waiting.splice(0)) this.#settle(delivery);
        return;
    }
  }

  #next(): void {
    const next = this.#waiting.shift();
    if (next === undefined) return;
    must(!this.#stored.has(next.delivery), "I5: a command that may be stored is not carried out again");
    if (!next.isOfOtherService) return this.#apply(onCommand(this.#state, next.delivery));
    this.#waiting.unshift({ ...next, isOfOtherService: false });
    this.#apply(onOtherService(this.#state));
  }

  #settle(delivery: Delivery): void {
    must(!this.#settled.has(delivery), "(7) settled once");
    this.#settled.add(delivery);
  }
}
