// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { seededRandom } from "../../../pkg/base/test-doubles/mod.ts";

import type { Event, Exit, RestartOptions, Step } from "./restart-policy.ts";
import { begin, DEFAULT_RESTART_OPTIONS, decide } from "./restart-policy.ts";

const OPTIONS: RestartOptions = {
  ...DEFAULT_RESTART_OPTIONS,
  maxTries: 3,
  backoff: { minMs: 200, maxMs: 5_000, jitter: 0 },
};
const CRASH: Exit = { kind: "code", code: 1 };
const crashed: Event = { kind: "exited", exit: CRASH };
const changed: Event = { kind: "changed", files: ["cart.ts"] };
const served: Event = { kind: "served" };
const timeUp: Event = { kind: "timeUp" };

/** Feeds the events, `gapMs` apart. Returns the last step. */
function after(events: readonly Event[], options = OPTIONS, gapMs = 100): Step {
  let nowMs = 1_000;
  let step = begin(nowMs, options);
  for (const event of events) {
    nowMs += gapMs;
    step = decide(step.state, event, nowMs, options, seededRandom(1));
  }
  return step;
}

const kinds = (step: Step): string[] =>
  step.actions.map((action) => (action.kind === "tell" ? `tell ${action.news.kind}` : action.kind));

test("the first start is silent once it serves", (t) => {
  t.deepEqual(kinds(begin(0, OPTIONS)), ["spawn", "wait"]);
  const step = after([served]);
  t.is(step.state.kind, "serving");
  t.deepEqual(step.actions, []);
});

test("a change ends the running process and starts the next only when it is gone", (t) => {
  const ending = after([served, changed]);
  t.deepEqual(ending.actions, [{ kind: "terminate" }, { kind: "wait", ms: OPTIONS.stopTimeoutMs }]);
  t.deepEqual(after([served, changed, changed]).actions, []);
  t.deepEqual(kinds(after([served, changed, crashed])), ["spawn", "wait"]);
});

test("a restart is told once it serves, with its reason and its time", (t) => {
  t.deepEqual(after([served, changed, crashed, served]).actions, [
    {
      kind: "tell",
      news: { kind: "restarted", reason: { kind: "changed", files: ["cart.ts"] }, tookMs: 100 },
    },
  ]);
});

test("a process that does not end in time is killed", (t) => {
  t.deepEqual(kinds(after([served, changed, timeUp])), ["tell killed", "kill"]);
  t.deepEqual(kinds(after([served, { kind: "stop" }, timeUp])), ["tell killed", "kill"]);
});

test("a crash is tried again after a longer and longer wait, then it rests until a file changes", (t) => {
  const first = [served, crashed];
  const waits = [after(first), after([...first, timeUp, ...first])].map(
    (step) => step.actions.find((action) => action.kind === "wait")?.ms,
  );
  t.deepEqual(waits, [200, 400]);

  const exhausted: Event[] = [...first, timeUp, ...first, timeUp, ...first];
  const resting = after(exhausted);
  t.is(resting.state.kind, "resting");
  t.deepEqual(resting.actions, [
    { kind: "tell", news: { kind: "exited", exit: CRASH, hasServed: true, next: { kind: "change" } } },
  ]);
  t.deepEqual(kinds(after([...exhausted, changed])), ["spawn", "wait"]);
  t.like(after([...exhausted, changed]).state, { failures: 0 });
});

test("a change while it waits to try again starts it at once and forgives its failures", (t) => {
  const step = after([served, crashed, changed]);
  t.deepEqual(kinds(step), ["spawn", "wait"]);
  t.like(step.state, { kind: "starting", failures: 0 });
});

test("one that ends before it serves is told once and not tried again", (t) => {
  const news = { kind: "exited", exit: CRASH, hasServed: false, next: { kind: "change" } } as const;
  for (const before of [[], [served, changed, crashed], [served, crashed, timeUp], [{ kind: "refused" }]]) {
    const step = after([...(before as Event[]), crashed]);
    t.deepEqual(step.actions, [{ kind: "tell", news }]);
    t.is(step.state.kind, "resting");
    t.deepEqual(kinds(after([...(before as Event[]), crashed, changed])), ["spawn", "wait"]);
  }
});

test("without a watcher it gives up instead of resting", (t) => {
  const options = { ...OPTIONS, watching: false };
  const step = after([served, crashed, timeUp, served, crashed, timeUp, served, crashed], options);
  t.deepEqual(kinds(step), ["tell exited", "giveUp"]);
  t.deepEqual(kinds(after([crashed], options)), ["tell exited", "giveUp"]);
});

test("a command that cannot be run is given up at once", (t) => {
  const exit: Exit = { kind: "not started", reason: "no such command" };
  t.deepEqual(kinds(after([{ kind: "exited", exit }])), ["tell exited", "giveUp"]);
});

test("a crash after a long time of serving is the first of a new row", (t) => {
  const row: Event[] = [served, crashed, timeUp, served, crashed, timeUp, served];
  t.is(after([...row, crashed]).state.kind, "resting");
  t.like(after([...row, crashed], OPTIONS, OPTIONS.stableMs).state, { kind: "pausing", failures: 1 });
});

test("a function that does not serve in time is told of, and kept while a change may help", (t) => {
  const step = after([timeUp]);
  t.deepEqual(kinds(step), ["tell silent"]);
  t.is(step.state.kind, "starting");
  t.deepEqual(kinds(after([timeUp], { ...OPTIONS, watching: false })), ["tell silent", "giveUp"]);
  t.is(after([timeUp, served]).state.kind, "serving");
});

test("a refused function stays until a file changes", (t) => {
  const refused = after([{ kind: "refused" }]);
  t.is(refused.state.kind, "refused");
  t.deepEqual(after([{ kind: "refused" }, timeUp]).actions, []);
  t.deepEqual(kinds(after([{ kind: "refused" }, changed])), ["terminate", "wait"]);
  t.deepEqual(kinds(after([{ kind: "refused" }], { ...OPTIONS, watching: false })), ["giveUp"]);
});

const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 2, arbitrary: fc.constant(changed) },
  { weight: 3, arbitrary: fc.constant(crashed) },
  fc.constant<Event>(served),
  fc.constant<Event>({ kind: "refused" }),
  fc.constant<Event>(timeUp),
);

test("whatever happens, at most one process runs, tries are bounded and stop is final", (t) => {
  const property = fc.property(fc.array(event), fc.array(event), (before, later) => {
    let step = begin(0, OPTIONS);
    let running = 1;
    let tries = 1;
    const happen = (next: Event): void => {
      // What does not run cannot exit.
      if (next.kind === "exited" && running === 0) return;
      if (next.kind === "exited") running--;
      const wasPausing = step.state.kind === "pausing";
      step = decide(step.state, next, 0, OPTIONS, seededRandom(1));
      if (!step.actions.some((action) => action.kind === "spawn")) return;
      running++;
      tries = wasPausing && next.kind === "timeUp" ? tries + 1 : 1;
    };
    for (const next of before) {
      happen(next);
      t.true(running <= 1 && tries <= OPTIONS.maxTries);
    }
    happen({ kind: "stop" });
    const left = running;
    for (const next of later) happen(next);
    t.true(running <= left);
    t.is(step.state.kind, running === 0 ? "stopped" : "stopping");
  });
  t.notThrows(() => fc.assert(property, { numRuns: 500 }));
});
