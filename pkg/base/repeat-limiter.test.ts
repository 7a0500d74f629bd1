// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { OTHER_KINDS, RepeatLimiter } from "./repeat-limiter.ts";
import { ManualClock } from "./test-doubles/mod.ts";

function limiter(limits = { maxTimes: 2, windowMs: 100, maxKinds: 2 }) {
  const clock = new ManualClock();
  const leftOut: [string, number][] = [];
  const made = new RepeatLimiter(clock, limits, (kind, count) => leftOut.push([kind, count]));
  return { clock, leftOut, limiter: made };
}

test("the first times pass, the others are told when the window ends, and then it begins anew", (t) => {
  const { clock, leftOut, limiter: of } = limiter();
  t.deepEqual(
    [1, 2, 3, 4].map(() => of.passes("a")),
    [true, true, false, false],
  );
  clock.advance(99);
  t.false(of.passes("a"));
  t.deepEqual(leftOut, []);
  clock.advance(1);
  t.deepEqual(leftOut, [["a", 3]]);
  t.true(of.passes("a"));
  clock.advance(100);
  t.deepEqual(leftOut, [["a", 3]], "nothing was left out");
  t.is(clock.pending, 0);
});

test("kinds are told apart; beyond the bound the others are one", (t) => {
  const { leftOut, limiter: of } = limiter();
  for (const kind of ["a", "b"]) t.true(of.passes(kind));
  t.deepEqual(
    ["c", "d", "e", "f", "a"].map((kind) => of.passes(kind)),
    [true, true, false, false, true],
  );
  of.flush();
  t.deepEqual(leftOut, [[OTHER_KINDS, 2]]);
});

test("what happens passes, or is told at the end, and neither twice", (t) => {
  const step = fc.oneof(fc.constantFrom("a", "b", "c", "d"), fc.nat(150));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const { clock, leftOut, limiter: of } = limiter();
      let passed = 0;
      for (const step of steps) {
        if (typeof step === "number") clock.advance(step);
        else if (of.passes(step)) passed++;
      }
      of.flush();
      const told = leftOut.reduce((sum, [, count]) => sum + count, 0);
      t.is(passed + told, steps.filter((step) => typeof step === "string").length);
      t.is(clock.pending, 0);
    }),
  );
});
