// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { settlesWithin } from "./settles-within.ts";
import { ManualClock } from "./test-doubles/mod.ts";

test("a promise that settles in time is told from one that does not, and leaves no timer", async (t) => {
  const clock = new ManualClock();
  t.true(await settlesWithin(Promise.resolve(1), 10, clock));
  t.true(await settlesWithin(Promise.reject(new Error("no")), 10, clock));
  t.is(clock.pending, 0);
  const late = Promise.withResolvers<void>();
  const settled = settlesWithin(late.promise, 10, clock);
  clock.advance(10);
  late.resolve();
  t.false(await settled);
});
