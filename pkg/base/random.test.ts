// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";

import test from "ava";
import fc from "fast-check";

import { backoffMs } from "./backoff.ts";
import { randomBelow, systemRandom } from "./random.ts";
import { seededRandom } from "./test-doubles/mod.ts";

const seed = fc.integer({ min: 0, max: 0xffff_ffff });

function take(count: number, random: () => number): number[] {
  return Array.from({ length: count }, () => random());
}

test("one seed gives one sequence, in [0, 1)", (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(seed, (each) => {
        const sequence = take(50, seededRandom(each));
        assert.deepEqual(take(50, seededRandom(each)), sequence);
        assert.ok(sequence.every((value) => value >= 0 && value < 1));
      }),
    ),
  );
});

test("other seeds give other sequences", (t) => {
  const firsts = new Set(Array.from({ length: 1000 }, (_, index) => seededRandom(index)()));
  t.true(firsts.size > 995);
});

test("the sequence of a seed stays the same from version to version, so that a printed seed repeats its run", (t) => {
  t.deepEqual(
    take(3, seededRandom(1)).map((value) => Math.floor(value * 2 ** 32)),
    [2_693_262_067, 11_749_833, 2_265_367_787],
  );
});

test("every number below a bound comes up, and none else", (t) => {
  const random = seededRandom(7);
  const counts = Array.from({ length: 6 }, () => 0);
  for (let i = 0; i < 6000; i++) {
    const value = randomBelow(random, 6);
    counts[value] = (counts[value] ?? Number.NaN) + 1;
  }
  t.is(counts.length, 6);
  for (const count of counts) t.true(count > 850 && count < 1150, String(counts));
  t.true(systemRandom() < 1);
});

test("the delay doubles with each failure up to the longest, give or take the jitter", (t) => {
  const options = { minMs: 100, maxMs: 1500, jitter: 0 };
  const delays = [0, 1, 2, 3, 4, 5, 6, 1000, Number.MAX_SAFE_INTEGER].map((attempt) =>
    backoffMs(attempt, options, seededRandom(1)),
  );
  t.deepEqual(delays, [100, 100, 200, 400, 800, 1500, 1500, 1500, 1500]);
  const slower = { ...options, growth: 1.5 };
  t.deepEqual(
    [1, 2, 3, Number.MAX_SAFE_INTEGER].map((attempt) => backoffMs(attempt, slower, seededRandom(1))),
    [100, 150, 225, 1500],
  );
  t.is(
    backoffMs(1, { ...options, jitter: 0.2 }, () => 0),
    80,
  );
  t.is(
    backoffMs(1, { ...options, jitter: 0.2 }, () => 0.5),
    100,
  );
});

test("no delay leaves its bounds", (t) => {
  const options = fc.record({
    minMs: fc.integer({ min: 1, max: 5000 }),
    maxMs: fc.integer({ min: 5000, max: 600_000 }),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.nat(), options, seed, (attempt, each, from) => {
        const delayMs = backoffMs(attempt, each, seededRandom(from));
        assert.ok(delayMs >= each.minMs * (1 - each.jitter) - 1e-6);
        assert.ok(delayMs <= each.maxMs * (1 + each.jitter) + 1e-6);
      }),
    ),
  );
});
