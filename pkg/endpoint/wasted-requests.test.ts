// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { ManualClock } from "../base/mod.ts";
import { WastedRequests } from "./wasted-requests.ts";

test("(1) an address that gives up thousands of requests has to wait, and others have not", (t) => {
  const clock = new ManualClock();
  const wasted = new WastedRequests(clock);
  for (let i = 0; i < 4_999; i++) wasted.add("a");
  t.false(wasted.isOver("a"));
  wasted.add("a");
  t.true(wasted.isOver("a"));
  t.false(wasted.isOver("b"));
  clock.advance(10);
  t.false(wasted.isOver("a"), "ten more by then");
});

test("addresses that are remembered have a bound", (t) => {
  const wasted = new WastedRequests(new ManualClock());
  for (let i = 0; i < 5_000; i++) wasted.add("first");
  for (let i = 0; i < 1_000; i++) wasted.add(`other ${i}`);
  t.false(wasted.isOver("first"));
});
