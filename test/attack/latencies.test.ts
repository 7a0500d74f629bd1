// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { summarize } from "./latencies.ts";

test("the p99 of a hundred calls is the second longest", (t) => {
  const times = Array.from({ length: 100 }, (_, index) => 100 - index);
  t.deepEqual(summarize(times), { count: 100, failed: 0, p50Ms: 50, p99Ms: 99, maxMs: 100 });
});

test("a failed call is longer than all others", (t) => {
  const { failed, p50Ms, p99Ms } = summarize([1, Number.POSITIVE_INFINITY, 2]);
  t.deepEqual([failed, p50Ms, p99Ms], [1, 2, Number.POSITIVE_INFINITY]);
});

test("of no calls there are no figures", (t) => {
  t.deepEqual(summarize([]), {
    count: 0,
    failed: 0,
    p50Ms: Number.NaN,
    p99Ms: Number.NaN,
    maxMs: Number.NaN,
  });
});
