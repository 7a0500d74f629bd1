// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { ManualClock } from "../base/test-doubles/mod.ts";

import { WastedRequests } from "./wasted-requests.ts";

test("(1) an address that gives up thousands of requests is over the rate until it has waited, and others are not", (t) => {
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

test("(2) what is given up while an address is over the rate is waited for as well, up to the burst", (t) => {
  const clock = new ManualClock();
  const wasted = new WastedRequests(clock);
  for (let i = 0; i < 5_800; i++) wasted.add("a");
  clock.advance(800);
  t.true(wasted.isOver("a"));
  clock.advance(1);
  t.false(wasted.isOver("a"));
  for (let i = 0; i < 100_000; i++) wasted.add("a");
  clock.advance(5_000);
  t.true(wasted.isOver("a"));
  clock.advance(1);
  t.false(wasted.isOver("a"));
});

test("addresses that are remembered have a bound", (t) => {
  const wasted = new WastedRequests(new ManualClock());
  for (let i = 0; i < 5_000; i++) wasted.add("first");
  for (let i = 0; i < 1_000; i++) wasted.add(`other ${i}`);
  t.false(wasted.isOver("first"));
});
