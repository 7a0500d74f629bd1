// SPDX-License-Identifier: Apache-2.0

import { setImmediate as nextTurn } from "node:timers/promises";

import test from "ava";

import { FairTurns } from "./fair-turns.ts";

test("(1) streams go on at once until they have held the loop for 5 ms, and again in the next turn", async (t) => {
  let nowMs = 0;
  const turns = new FairTurns(() => nowMs);
  t.is(turns.next(), undefined);
  nowMs = 4;
  t.is(turns.next(), undefined);
  nowMs = 5;
  const waiting = turns.next();
  t.true(waiting instanceof Promise);
  await waiting;
  await nextTurn();
  await nextTurn();
  t.is(turns.next(), undefined);
});

test("(2) in each turn of the loop those who wait longest go on, eight of them, and other work comes between", async (t) => {
  let nowMs = 0;
  const turns = new FairTurns(() => nowMs);
  t.is(turns.next(), undefined);
  nowMs = 5;
  const resumed: number[] = [];
  const all = Array.from({ length: 20 }, async (_, index) => {
    await turns.next();
    resumed.push(index);
  });
  const seen: number[] = [];
  while (resumed.length < 20) {
    await nextTurn();
    seen.push(resumed.length);
  }
  await Promise.all(all);
  t.deepEqual(resumed, [...all.keys()]);
  t.deepEqual([...new Set(seen)], [8, 16, 20]);
});
