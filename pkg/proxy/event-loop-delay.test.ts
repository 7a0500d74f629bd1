// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import test from "ava";

import { ManualClock } from "../base/test-doubles/mod.ts";

import { EventLoopDelays } from "./event-loop-delay.ts";

test("the delay is measured from the first question until nobody has asked for a while", async (t) => {
  const clock = new ManualClock();
  const delays = new EventLoopDelays(clock);
  t.is(delays.read(), undefined);
  await delay(100);
  const busyUntil = performance.now() + 150;
  while (performance.now() < busyUntil);
  await delay(100);
  const { mean = 0, p99 = 0, max = 0 } = delays.read() ?? {};
  t.true(max > 0.1, `${max}`);
  t.true(mean <= p99 && p99 <= max, `${mean} ${p99} ${max}`);
  clock.advance(299_999);
  t.not(delays.read(), undefined);
  clock.advance(300_000);
  t.is(delays.read(), undefined);
  delays.stop();
});
