// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { ManualClock } from "../../base/test-doubles/mod.ts";

import { EarliestTimer } from "./earliest-timer.ts";

test("one timer is set, for the earliest; looks are not closer together than they may be", (t) => {
  const clock = new ManualClock();
  const due = new Set([100, 300, 301, 302]);
  const looks: number[] = [];
  const timer = new EarliestTimer(clock, (nowMs) => {
    looks.push(clock.monotonicMs());
    for (const each of due) if (each <= nowMs) due.delete(each);
    return Math.min(...due, Number.POSITIVE_INFINITY);
  });
  for (const each of [300, 100, 302, 301]) timer.at(each);
  t.is(clock.pending, 1);
  clock.advance(1_000);
  t.deepEqual(looks, [100, 300, 305.5]);
  t.is(clock.pending, 0);
  timer.at(2_000);
  timer.clear();
  clock.advance(2_000);
  t.is(looks.length, 3);
});
