// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { Observation } from "./judge.ts";
import { judge, LEAST_QUIET_MS, MOST_QUIET_MS, p99BoundMs } from "./judge.ts";
import { summarize } from "./latencies.ts";

const MIB = 1_048_576;
const LIMITS = { maxBytes: 400 * MIB, quietP99Ms: { JSON: 4 }, strictness: "strict" as const };
const GOOD: Observation = {
  end: undefined,
  memoryFrom: "cgroup",
  peakBytes: 200 * MIB,
  bystanders: { JSON: summarize([1, 2, 3]) },
  probes: { "/livez": { count: 4, failed: 0, maxMs: 900, problem: undefined } },
};

test("a proxy that lives, is small and serves everyone has stood the attack", (t) => {
  t.deepEqual(judge(GOOD, LIMITS), []);
});

test("an end of the process is told with its reason, and what it did not answer after it is not", (t) => {
  const probes = { "/livez": { count: 4, failed: 4, maxMs: 0, problem: "read ECONNRESET" } };
  const ended = (end: Observation["end"]): string[] => judge({ ...GOOD, end, probes }, LIMITS);
  t.deepEqual(ended({ code: null, signal: "SIGKILL", isOutOfMemory: true }), [
    "the process ended: killed, because its memory was over its limit",
  ]);
  t.deepEqual(ended({ code: null, signal: "SIGABRT", isOutOfMemory: false }), [
    "the process ended: signal SIGABRT",
  ]);
  t.deepEqual(ended({ code: 7, signal: null, isOutOfMemory: false }), ["the process ended: exit code 7"]);
});

test("memory has to stay under the bound, and to reach it is too much", (t) => {
  t.deepEqual(judge({ ...GOOD, peakBytes: 400 * MIB - 1 }, LIMITS), []);
  t.deepEqual(judge({ ...GOOD, peakBytes: 400 * MIB }, LIMITS), [
    "memory reached 400 MiB, not under 400 MiB",
  ]);
});

test("a bystander's p99 has to stay under twenty times its quiet one", (t) => {
  const calls = (slowMs: number): Observation => ({ ...GOOD, bystanders: { JSON: summarize([1, slowMs]) } });
  t.deepEqual(judge(calls(79), LIMITS), []);
  t.deepEqual(judge(calls(80), LIMITS), ["JSON p99 is 80.0 ms, not under 80.0 ms"]);
  t.deepEqual(judge(calls(Number.POSITIVE_INFINITY), LIMITS), [
    "JSON p99 is for ever, not under 80.0 ms; 1 of 2 calls failed",
  ]);
});

test("one failed call in a hundred is within the p99, two are not", (t) => {
  const with100 = (failures: number): Observation => {
    const times = Array.from({ length: 100 }, (_, index) =>
      index < failures ? Number.POSITIVE_INFINITY : 1,
    );
    return { ...GOOD, bystanders: { JSON: summarize(times) } };
  };
  t.deepEqual(judge(with100(1), LIMITS), []);
  t.is(judge(with100(2), LIMITS).length, 1);
});

test("a quiet p99 that is too good or too bad to be true counts as the nearest that is not", (t) => {
  t.is(p99BoundMs(0.3), 20 * LEAST_QUIET_MS);
  t.is(p99BoundMs(10), 200);
  t.is(p99BoundMs(400), 20 * MOST_QUIET_MS);
});

test("what was not measured has not been shown", (t) => {
  const none = summarize([]);
  t.deepEqual(judge({ ...GOOD, bystanders: { JSON: none } }, LIMITS), ["JSON made no calls"]);
  for (const quietP99Ms of [{}, { JSON: Number.NaN }, { JSON: Number.POSITIVE_INFINITY }]) {
    const text = "JSON has no quiet figures to be compared with";
    t.deepEqual(judge(GOOD, { ...LIMITS, quietP99Ms }), [text]);
  }
  const probes = { "/livez": { count: 0, failed: 0, maxMs: 0, problem: undefined } };
  t.deepEqual(judge({ ...GOOD, probes }, LIMITS), ["/livez was never answered"]);
});

test("one probe without an answer in time is one too many", (t) => {
  const probes = { health: { count: 40, failed: 1, maxMs: 3, problem: "no answer in time" } };
  t.deepEqual(judge({ ...GOOD, probes }, LIMITS), ["health: 1 of 40 not answered (no answer in time)"]);
});

test("in short the median is judged, and probes may come late, but not all; memory and the process as ever", (t) => {
  const rough = { ...LIMITS, strictness: "rough" as const };
  const bystanders = {
    JSON: { count: 100, failed: 1, p50Ms: 999, p99Ms: Number.POSITIVE_INFINITY, maxMs: 9_000 },
  };
  const probes = { health: { count: 4, failed: 2, maxMs: 900, problem: "no answer in time" } };
  t.deepEqual(judge({ ...GOOD, bystanders, probes }, rough), []);
  t.is(judge({ ...GOOD, bystanders, probes }, LIMITS).length, 2);
  const late = { JSON: { ...bystanders.JSON, p50Ms: 1_000 } };
  t.regex(
    judge({ ...GOOD, bystanders: late }, rough).join(),
    /^JSON median is 1000\.0 ms, not under 1000\.0 ms/,
  );
  t.is(judge({ ...GOOD, probes: { health: { ...probes.health, failed: 4 } } }, rough).length, 1);
  t.is(judge({ ...GOOD, peakBytes: 400 * MIB }, rough).length, 1);
});

test("a burst may delay others for less than a second, and no probe", (t) => {
  const burst = { ...LIMITS, strictness: "burst" as const };
  const bystander = (p99Ms: number) => ({ JSON: { count: 100, failed: 0, p50Ms: 3, p99Ms, maxMs: 2_000 } });
  t.deepEqual(judge({ ...GOOD, bystanders: bystander(999) }, burst), []);
  t.deepEqual(judge({ ...GOOD, bystanders: bystander(1_000) }, burst), [
    "JSON p99 is 1000.0 ms, not under 1000.0 ms",
  ]);
  const probes = { health: { count: 40, failed: 1, maxMs: 3, problem: "no answer in time" } };
  t.is(judge({ ...GOOD, probes }, burst).length, 1);
});

test("where memory is measured, the bystanders are not judged, and probes have to be answered at some time", (t) => {
  const memory = { ...LIMITS, strictness: "memory" as const };
  const bystanders = { JSON: summarize([5_000, Number.POSITIVE_INFINITY]) };
  const probe = { count: 4, failed: 3, maxMs: 900, problem: "no answer in time" };
  t.deepEqual(judge({ ...GOOD, bystanders, probes: { health: probe } }, memory), []);
  t.is(judge({ ...GOOD, probes: { health: { ...probe, failed: 4 } } }, memory).length, 1);
  t.is(judge({ ...GOOD, peakBytes: 400 * MIB }, memory).length, 1);
});
