// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { Attack } from "./attack.ts";
import type { Observation } from "./judge.ts";
import { summarize } from "./latencies.ts";
import type { Result } from "./report.ts";
import {
  boundsLine,
  caseName,
  headLine,
  isAsExpected,
  repeatCommand,
  rowLine,
  summaryLine,
} from "./report.ts";

const nothing = async (): Promise<void> => undefined;
const ATTACK: Attack = { name: "half-sent", about: "", bounds: [], ways: { h2: nothing, grpc: nothing } };
const OBSERVATION: Observation = {
  end: undefined,
  memoryFrom: "cgroup",
  peakBytes: 300 * 1_048_576,
  bystanders: { JSON: summarize([1.04]), gRPC: summarize([Number.POSITIVE_INFINITY]) },
  probes: {
    health: { count: 9, failed: 2, maxMs: 3, problem: "no answer in time" },
    "/livez": { count: 9, failed: 0, maxMs: 312.4, problem: undefined },
  },
};

test("a row stands under its heads and has every figure", (t) => {
  const row = rowLine("half-sent:h2", "ok", OBSERVATION, { connections: 40, bytes: 472_100_000 });
  t.regex(
    row,
    /^half-sent:h2 +ok +300 MiB +JSON 1\.0, gRPC failed +health failed 2\/9, \/livez 312 +472 MB, 40 connections$/,
  );
  t.is(row.indexOf("300 MiB") + "300 MiB".length, headLine().indexOf("memory") + "memory".length);
});

test("the bounds of a bystander are those of its quiet time", (t) => {
  const quiet = { ...OBSERVATION, bystanders: { JSON: summarize([5, 4]) } };
  t.is(boundsLine(quiet), "  so the bounds of the p99 are: JSON under 100 ms (2 calls)");
});

test("a case is named as it can be repeated", (t) => {
  t.is(caseName({ attack: ATTACK, ways: ["h2", "grpc"] }), "half-sent");
  t.is(caseName({ attack: ATTACK, ways: ["grpc"] }), "half-sent:grpc");
  const wide: Attack = { ...ATTACK, ways: { ...ATTACK.ways, http1: nothing }, shortWays: ["h2", "grpc"] };
  t.is(caseName({ attack: wide, ways: ["h2", "grpc"] }), "half-sent");
  t.is(
    repeatCommand("half-sent:grpc", 7, true, { kind: "without", bounds: ["max-buffered-bytes"] }),
    "npm run attack -- --only half-sent:grpc --seed 7 --short --without max-buffered-bytes",
  );
  t.is(
    repeatCommand("half-sent", 7, false, { kind: "stand" }),
    "npm run attack -- --only half-sent --seed 7",
  );
});

test("a case is as expected if the proxy stands, or if it falls where its bounds are off", (t) => {
  const judged = (...violations: string[]): Result => {
    return { kind: "judged", outcome: { observation: OBSERVATION, counts: {}, violations, output: [] } };
  };
  t.true(isAsExpected({ expected: "stands" }, judged()));
  t.false(isAsExpected({ expected: "stands" }, judged("it died")));
  t.false(isAsExpected({ expected: "falls" }, judged()));
  t.true(isAsExpected({ expected: "falls" }, judged("it died")));
  for (const expected of ["stands", "falls"] as const) {
    t.false(isAsExpected({ expected }, { kind: "broken", error: "no attack" }));
    t.is(isAsExpected({ expected }, { kind: "skipped", why: "no setting" }), undefined);
  }
});

test("the last line counts what passed, failed and was skipped", (t) => {
  t.is(summaryLine([true, false, true]), "2 passed, 1 failed");
  t.is(summaryLine([true, undefined]), "1 passed, 0 failed, 1 skipped");
});
