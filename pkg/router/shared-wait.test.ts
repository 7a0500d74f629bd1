// SPDX-License-Identifier: Apache-2.0

import { setImmediate as nextTurn } from "node:timers/promises";

import test from "ava";

import { collectGarbage } from "../base/mod.ts";

import { onceResolved } from "./shared-wait.ts";

test("all who still wait are told, once", async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const told: string[] = [];
  onceResolved(promise, () => told.push("a"));
  const forget = onceResolved(promise, () => told.push("b"));
  onceResolved(promise, () => told.push("c"));
  forget();
  resolve();
  await nextTurn();
  t.deepEqual(told, ["a", "c"]);
  onceResolved(promise, () => told.push("late"));
  await nextTurn();
  t.deepEqual(told, ["a", "c", "late"]);
});

test("(I11) nothing is left of those who have stopped waiting", async (t) => {
  const { promise } = Promise.withResolvers<void>();
  const listeners: WeakRef<() => void>[] = [];
  for (let i = 0; i < 1_000; i++) {
    const listener = (): void => t.fail();
    listeners.push(new WeakRef(listener));
    onceResolved(promise, listener)();
  }
  await nextTurn();
  collectGarbage();
  const left = listeners.filter((listener) => listener.deref() !== undefined);
  // The last one may still be in a register.
  t.true(left.length <= 1, `${left.length}`);
});
