// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { RollEvent } from "./roll.ts";
import { FIRST_ROLL, roll } from "./roll.ts";

const changed = (...files: string[]): RollEvent => ({ kind: "changed", files });
const back = (at: number): RollEvent => ({ kind: "back", at });
const failed = (at: number): RollEvent => ({ kind: "failed", at });

/** Which functions are restarted, as `AT: FILES`, by these events; the rest is without effect. */
function restarts(count: number, ...events: readonly RollEvent[]): string[] {
  const found: string[] = [];
  let state = FIRST_ROLL;
  for (const event of events) {
    const step = roll(state, event, count);
    state = step.state;
    if (step.restart !== undefined) found.push(`${step.restart.at}: ${step.restart.files.join(" ")}`);
  }
  return found;
}

test("one is restarted after the other, each when the one before serves again", (t) => {
  t.deepEqual(restarts(3, changed("a")), ["0: a"]);
  t.deepEqual(restarts(3, changed("a"), back(0)), ["0: a", "1: a"]);
  t.deepEqual(restarts(3, changed("a"), back(0), back(1), back(2)), ["0: a", "1: a", "2: a"]);
  t.deepEqual(restarts(2, changed("a"), back(0), back(1), changed("b")), ["0: a", "1: a", "0: b"]);
});

test("what others do is without effect", (t) => {
  t.deepEqual(restarts(2, back(0), failed(1)), []);
  t.deepEqual(restarts(2, changed("a"), back(1), failed(1)), ["0: a"]);
});

test("one that fails ends the roll, and the next change begins with it", (t) => {
  const events = [changed("a"), back(0), failed(1), back(1)];
  t.deepEqual(restarts(3, ...events), ["0: a", "1: a"]);
  t.deepEqual(restarts(3, ...events, changed("b"), back(1), back(2), back(0)), [
    "0: a",
    "1: a",
    "1: b",
    "2: b",
    "0: b",
  ]);
});

test("a change during a roll restarts the one that is down, and then all others", (t) => {
  const events = [changed("a"), back(0), changed("b"), back(1), back(2), back(0)];
  t.deepEqual(restarts(3, ...events), ["0: a", "1: a", "1: b", "2: a b", "0: a b"]);
});

test("a lone function is restarted at each change", (t) => {
  t.deepEqual(restarts(1, changed("a"), changed("b"), back(0), changed("c")), ["0: a", "0: b", "0: c"]);
  t.deepEqual(restarts(1, changed("a"), failed(0), changed("b")), ["0: a", "0: b"]);
});
