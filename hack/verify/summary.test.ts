// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { add, judgeTests, NOTHING, summaryLine } from "./summary.ts";
import type { TestEvent } from "./test-event.ts";

const one = (outcome: "passed" | "failed" | "skipped"): TestEvent => ({
  kind: "test",
  outcome,
  title: "a test",
  logs: [],
  details: [],
});
const end = (failed: number): TestEvent => ({ kind: "end", failed });
const SUCCESS = { code: 0, signal: null };
const FAILURE = { code: 1, signal: null };

test("the last line says skipped only if there are any", (t) => {
  t.is(summaryLine(NOTHING), "0 passed, 0 failed");
  t.is(summaryLine({ passed: 12, failed: 1, skipped: 0 }), "12 passed, 1 failed");
  t.is(summaryLine({ passed: 12, failed: 0, skipped: 3 }), "12 passed, 0 failed, 3 skipped");
});

test("counts add up", (t) => {
  const counts = { passed: 1, failed: 2, skipped: 3 };
  t.deepEqual(add(counts, counts), { passed: 2, failed: 4, skipped: 6 });
  t.deepEqual(add(counts, NOTHING), counts);
});

test("a run is judged by its tests if they account for how it ended", (t) => {
  t.deepEqual(judgeTests([one("passed"), one("skipped"), one("passed"), end(0)], SUCCESS), {
    counts: { passed: 2, failed: 0, skipped: 1 },
    problems: [],
  });
  t.deepEqual(judgeTests([one("passed"), one("failed"), end(1)], FAILURE), {
    counts: { passed: 1, failed: 1, skipped: 0 },
    problems: [],
  });
});

test("a run that broke off has failed, whatever its tests and its exit code say", (t) => {
  for (const exit of [SUCCESS, FAILURE, { code: null, signal: "SIGKILL" }]) {
    const { counts, problems } = judgeTests([one("passed")], exit);
    t.deepEqual(counts, { passed: 1, failed: 1, skipped: 0 });
    t.regex(problems[0] ?? "", /broke off/);
  }
});

test("a run without tests has failed", (t) => {
  t.deepEqual(judgeTests([end(0)], SUCCESS), {
    counts: { passed: 0, failed: 1, skipped: 0 },
    problems: ["no tests ran"],
  });
});

test("a failing exit code counts if no test explains it", (t) => {
  const { counts, problems } = judgeTests([one("passed"), end(0)], FAILURE);
  t.is(counts.failed, 1);
  t.deepEqual(problems, ["no test failed, yet the run did (exit code 1)"]);
});

test("tests that never ran to their end count as failed", (t) => {
  const { counts, problems } = judgeTests([one("failed"), end(4)], FAILURE);
  t.is(counts.failed, 4);
  t.deepEqual(problems, ["3 tests did not run to their end"]);
});
