// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { NO_POSITION } from "../eventlog/mod.ts";

import {
  afterFailure,
  afterRead,
  afterSettled,
  dueAfter,
  pauseMs,
  placeAt,
  settledUpTo,
} from "./consume-steps.ts";

test("(1) whatever is read and settled, in whichever order: the position to save passes nothing that is open", (t) => {
  const gap = fc.integer({ min: 1, max: 5 });
  const step = fc.oneof(
    fc.record({ kind: fc.constant("read" as const), gap }),
    fc.record({ kind: fc.constant("settle" as const), pick: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      let place = placeAt(NO_POSITION);
      const read: number[] = [];
      const settled = new Set<number>();
      let saved = NO_POSITION;
      for (const one of steps) {
        if (one.kind === "read") {
          const position = place.position + one.gap;
          read.push(position);
          place = afterRead(place, position);
        } else {
          const open = read.filter((position) => !settled.has(position));
          const position = open[one.pick % (open.length || 1)];
          if (position === undefined) continue;
          settled.add(position);
          place = afterSettled(place, position);
        }
        const next = settledUpTo(place);
        t.true(next >= saved, "it never goes back");
        saved = next;
        t.true(
          read.every((position) => position > saved || settled.has(position)),
          "nothing is passed",
        );
        if (settled.size === read.length) t.is(saved, read.at(-1) ?? NO_POSITION, "nothing is left out");
      }
    }),
  );
});

test("(3) in any time no more are read than the rate allows and a burst, and all that time allows", (t) => {
  const rate = fc.oneof(fc.integer({ min: 1, max: 100_000 }), fc.double({ min: 0.1, max: 2, noNaN: true }));
  const idleMs = fc.array(fc.oneof(fc.constant(0), fc.nat(20)), { minLength: 1_000, maxLength: 1_000 });
  fc.assert(
    fc.property(rate, idleMs, fc.boolean(), (perSecond, idle, isBusy) => {
      let [nowMs, dueMs] = [0, 0];
      const reads: number[] = [];
      for (const ms of idle) {
        if (!isBusy) nowMs += ms;
        reads.push(nowMs);
        dueMs = dueAfter(dueMs, perSecond, nowMs);
        nowMs += pauseMs(dueMs, perSecond, nowMs);
      }
      const burst = Math.min(256, Math.max(perSecond, 1)) + 1;
      for (const [index, atMs] of reads.entries()) {
        for (const span of [10, 300, 600]) {
          const earlierMs = reads[index - span];
          if (earlierMs === undefined) continue;
          t.true(
            span <= burst + ((atMs - earlierMs) * perSecond) / 1_000 + 1e-6,
            `${span} at ${perSecond}/s`,
          );
        }
      }
      if (isBusy) t.true(nowMs <= (1_000 * reads.length) / perSecond + 1e-6, "it is no slower than the rate");
    }),
    { numRuns: 200 },
  );
});

test("(4, 5) after a failure comes a pause that grows to ten seconds, or the end", (t) => {
  const delays = Array.from({ length: 20 }, (_, index) => {
    const step = afterFailure(index + 1, false, () => 0.5);
    return step.kind === "retry" ? step.delayMs : undefined;
  });
  t.deepEqual(delays.slice(0, 9), [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
  t.is(delays.at(-1), 10_000);
  fc.assert(
    fc.property(fc.nat(1_000), fc.double({ min: 0, max: 0.999, noNaN: true }), (failures, random) => {
      const step = afterFailure(failures, false, () => random);
      t.true(step.kind === "retry" && step.delayMs >= 70 && step.delayMs <= 13_000);
    }),
  );
  t.deepEqual(
    afterFailure(1, true, () => 0),
    { kind: "give-up" },
  );
});
