// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { loudFunction } from "./loud-function.ts";

test("a function that does much wrong with each command is told so now and then, and so is the proxy's log (I11)", async (t) => {
  const started = performance.now();
  const { reports, ...outcome } = await loudFunction(t, { commands: 2_000, callers: 16 });
  const windows = 1 + (performance.now() - started) / 10_000;
  t.log(outcome, `${reports.length} reports`);
  t.is(outcome.answered, 2_000);
  // About five messages with 20 lines each in ten seconds, and the lines of the proxy's start and end.
  t.true(outcome.logLines < 50 + windows * 150);
  t.true(outcome.longestLine < 6_000);
  t.true(reports.length <= windows * 50);
});
