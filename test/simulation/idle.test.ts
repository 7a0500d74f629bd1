// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { join } from "node:path";

import test from "ava";

import { IDLE_SIZES, idleTable, simulateIdle } from "./idle.ts";

const PAGE = join(import.meta.dirname, "..", "..", "docs", "performance.md");

test("the messages of idle pods are as few as the documentation says", (t) => {
  const table = idleTable(IDLE_SIZES.map(simulateIdle));
  t.true(readFileSync(PAGE, "utf8").includes(table), `docs/performance.md should have:\n${table}`);
});

test("what a pod says does not grow with the number of pods, and of what it hears only the news of renewals do", (t) => {
  const [ten, hundred] = [10, 100].map((pods) => simulateIdle({ services: 1, pods }));
  if (ten === undefined || hundred === undefined) return t.fail();
  const each = (all: number): number => all / 100;
  t.true(each(hundred.heartbeats + hundred.pings) < 5, `${each(hundred.heartbeats)} heartbeats`);
  t.is(each(hundred.renewals), ten.renewals / 10);
  t.true(Math.abs(each(hundred.news) - 50) < 1, `${each(hundred.news)} news`);
});
