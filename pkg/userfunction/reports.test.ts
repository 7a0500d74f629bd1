// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { ManualClock } from "../base/test-doubles/mod.ts";

import { Reports } from "./reports.ts";

test("a report that repeats is sent a few times, and then how often it came", (t) => {
  const clock = new ManualClock();
  const told: string[] = [];
  const reports = new Reports(clock, (text) => told.push(text));
  for (let i = 0; i < 1_000; i++) reports.add("no such target");
  reports.add("another");
  t.deepEqual(told, ["no such target", "no such target", "no such target", "another"]);
  clock.advance(10_000);
  t.deepEqual(told.slice(4), ["no such target (997 more times)"]);
  reports.add("no such target");
  t.is(told.length, 6);
});

test("I11: of reports that differ so many are sent, and each is cut", (t) => {
  const clock = new ManualClock();
  const told: string[] = [];
  const reports = new Reports(clock, (text) => told.push(text));
  for (let i = 0; i < 1_000; i++) reports.add(`${i} ${"x".repeat(100_000)}`);
  t.is(told.length, 10 + 3);
  t.true(told.every((text) => text.length < 4_100));
  reports.flush();
  t.deepEqual(told.slice(13), ["987 more reports were left out"]);
});
