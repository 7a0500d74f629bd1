// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";

import test from "ava";
import fc from "fast-check";

import { sleep, systemClock } from "./clock.ts";
import { ManualClock } from "./test-doubles/mod.ts";

test("the manual clock stands still until it is moved, and fires what is due at its own time", (t) => {
  const clock = new ManualClock(1000);
  const fired: string[] = [];
  const at = (name: string) => () => fired.push(`${name}@${clock.monotonicMs()}`);
  clock.schedule(20, at("b"));
  clock.schedule(10, at("a"));
  clock.schedule(20, at("c"));
  clock.schedule(-5, at("now"));
  t.deepEqual(fired, []);

  clock.advance(0);
  t.deepEqual(fired, ["now@1000"]);
  clock.advance(19);
  t.deepEqual(fired, ["now@1000", "a@1010"]);
  t.is(clock.pending, 2);
  clock.advance(1);
  t.deepEqual(fired, ["now@1000", "a@1010", "b@1020", "c@1020"]);
  t.is(clock.wallMs(), 1020);
});

test("what a timer schedules fires in the same move if it falls due in it", (t) => {
  const clock = new ManualClock();
  const fired: number[] = [];
  const tick = () => {
    fired.push(clock.monotonicMs());
    clock.schedule(10, tick);
  };
  clock.schedule(10, tick);
  clock.advance(35);
  t.deepEqual(fired, [10, 20, 30]);
  t.is(clock.pending, 1);
});

test("a cancelled timer does not fire, and cancelling twice is harmless", (t) => {
  const clock = new ManualClock();
  const first = clock.schedule(10, () => second.cancel());
  const second = clock.schedule(10, () => t.fail());
  clock.advance(10);
  first.cancel();
  second.cancel();
  t.is(clock.pending, 0);
});

test("timers fire in the order of their times, those of one time in the order of scheduling", (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(
        fc.array(fc.nat(20), { maxLength: 30 }),
        fc.array(fc.nat(10), { maxLength: 10 }),
        (delays, moves) => {
          const clock = new ManualClock();
          const fired: number[] = [];
          for (const [index, delayMs] of delays.entries()) clock.schedule(delayMs, () => fired.push(index));
          for (const byMs of moves) clock.advance(byMs);
          const due = [...delays.keys()].filter((index) => (delays[index] as number) <= clock.monotonicMs());
          const order = (index: number) => delays[index] as number;
          // The stable sort keeps the order of scheduling.
          const expected = moves.length === 0 ? [] : due.sort((a, b) => order(a) - order(b));
          assert.deepEqual(fired, expected);
        },
      ),
    ),
  );
});

test("sleeping ends when its time has passed and leaves nothing behind", async (t) => {
  const clock = new ManualClock();
  const abort = new AbortController();
  let awake = false;
  const sleeping = sleep(clock, 10, abort.signal).then(() => (awake = true));
  clock.advance(9);
  await Promise.resolve();
  t.false(awake);
  clock.advance(1);
  await sleeping;
  t.is(clock.pending, 0);
});

test("an abort ends sleep at once, before it begins as well", async (t) => {
  const clock = new ManualClock();
  const abort = new AbortController();
  const sleeping = sleep(clock, 10, abort.signal);
  abort.abort();
  await sleeping;
  t.is(clock.pending, 0);
  await sleep(clock, 10, abort.signal);
  t.is(clock.pending, 0);
});

test("the system's clock goes on, fires, and takes delays of any length", async (t) => {
  const startedMs = systemClock.monotonicMs();
  // Keeps the process alive, because the timers of the system's clock do not.
  const alive = setInterval(() => undefined, 1000);
  t.teardown(() => clearInterval(alive));
  const far = systemClock.schedule(Number.MAX_SAFE_INTEGER, () => t.fail());
  await new Promise<void>((resolve) => systemClock.schedule(5, resolve));
  t.true(systemClock.monotonicMs() - startedMs >= 4);
  t.true(Math.abs(systemClock.wallMs() - Date.now()) < 1000);
  far.cancel();
  far.cancel();
});
