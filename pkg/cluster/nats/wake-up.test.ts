// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { WakeUp } from "./wake-up.ts";

test("all that wait share one promise, which the next call resolves", async (t) => {
  const wakeUp = new WakeUp();
  wakeUp.call();
  const first = wakeUp.next;
  t.is(wakeUp.next, first);
  let isAwake = false;
  void first.then(() => {
    isAwake = true;
  });
  await Promise.resolve();
  t.false(isAwake, "an earlier call counts for nobody");
  wakeUp.call();
  await first;
  t.not(wakeUp.next, first);
});
