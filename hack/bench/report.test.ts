// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { footprintFindings, rowFindings, verdictOf } from "./budget.ts";
import { casesWithYardsticks } from "./cases.ts";
import { FULL } from "./footprint-bench.ts";
import type { Load } from "./messages.ts";
import { disturbanceBetween, parseProcessorTime } from "./processor-share.ts";
import { findingsTable, rowsTable } from "./report.ts";
import type { Row } from "./row.ts";
import { jsonLine, toRow } from "./row.ts";
import { median } from "./statistics.ts";
import { formatNumber, formatTable } from "./table.ts";

function load(p50Us: number, perSecond: number): Load {
  return { calls: 100, p50Us, p99Us: 2 * p50Us, perSecond, perCpuSecond: 2 * perSecond };
}

function row(name: string, callers: number, p50Us: number, perSecond: number): Row {
  const figures = { p50Us, p99Us: 2 * p50Us, perSecond, ratio: 2.5, throughputRatio: 0.4 };
  return { case: name, callers, ...figures, durability: "fsync-one-node" };
}

test("the median is the middle value, or the mean of the two in the middle", (t) => {
  t.is(median([3, 1, 2]), 2);
  t.is(median([4, 1, 2, 3]), 2.5);
  t.is(median([]), Number.NaN);
});

test("a row's ratios are taken within each round, so that a slow round changes none of them", (t) => {
  const [, command] = casesWithYardsticks("sqlite", ["command memory"]);
  if (command === undefined) return t.fail();
  const rounds = [load(300, 3_000), load(900, 1_000), load(330, 2_700)];
  const direct = [load(100, 6_000), load(300, 2_000), load(110, 5_400)];
  const made = toRow(command, 16, rounds, direct);
  t.deepEqual(made, {
    case: "command memory",
    callers: 16,
    p50Us: 330,
    p99Us: 660,
    perSecond: 2_700,
    ratio: 3,
    throughputRatio: 0.5,
    durability: "memory",
  });
});

test("a JSON line has the seven members that are promised, in figures that a person can read", (t) => {
  const made = { ...row("command sqlite", 64, 1234.5678, 8_123.4), ratio: 1 / 3 };
  t.is(
    jsonLine(made),
    '{"case":"command sqlite","callers":64,"p50Us":1234.6,"p99Us":2469.1,"perSecond":8123,"ratio":0.33,' +
      '"durability":"fsync-one-node"}',
  );
});

test("a row of a publisher also says what it does with its processor time", (t) => {
  const [bare, own] = casesWithYardsticks("nats", ["own publish"]);
  if (bare === undefined || own === undefined) return t.fail();
  const rounds = [load(100, 3_000), load(100, 1_000), load(100, 2_700)];
  const made = toRow(own, 16, rounds, rounds);
  t.is(made.perCpuSecond, 5_400);
  t.true(jsonLine(made).endsWith('"durability":"acknowledged-before-fsync","perCpuSecond":5400}'));
  const table = rowsTable([made, row("command", 16, 1_000, 1_000)]);
  t.regex(table, /throughput × \| per CPU second \| durability/);
  t.regex(table, /own publish .* 5,400 \| acknowledged/);
  t.false(rowsTable([row("command", 16, 1_000, 1_000)]).includes("CPU"));
});

test("a table is aligned, and Markdown", (t) => {
  const table = formatTable([{ title: "case" }, { title: "µs", align: "right" }], [["echo", "9.50"], ["x"]]);
  t.deepEqual(table.split("\n"), [
    "| case |   µs |",
    "| ---- | ---: |",
    "| echo | 9.50 |",
    "| x    |      |",
  ]);
});

test("numbers keep about three digits", (t) => {
  t.deepEqual([0.2314, 12.345, 123.45, 12345.6].map(formatNumber), ["0.23", "12.3", "123", "12,346"]);
});

test("each budget is judged by its own rows, and left out without them", (t) => {
  const rows = [
    row("direct call", 1, 200, 5_000),
    row("command sqlite", 1, 900, 1_100),
    row("command sqlite", 64, 9_000, 7_000),
    row("h2 echo", 64, 1_500, 40_000),
    row("read http", 64, 3_000, 20_000),
  ];
  const judged = rowFindings(rows, 300).map((finding) => [finding.what, verdictOf(finding)]);
  t.deepEqual(judged, [
    // 2 × (300 + 200)
    ["durable command, 1 caller, p50", "ok"],
    // 7,000 of 40,000
    ["command sqlite, 64 callers", "under"],
    ["fsynced commands, 64 callers", "under"],
    ["warm reads over HTTP, 64 callers", "ok"],
  ]);
  t.deepEqual(rowFindings([], 300), []);
});

test("the footprint stands beside its budgets", (t) => {
  const footprint = {
    sizes: FULL,
    startUpMs: 150,
    uncompiledStartMs: 151,
    sourcesStartMs: 152,
    idleBytes: 80 * 1_048_576,
    idleServingBytes: 81 * 1_048_576,
    entityResidentBytes: 16_384,
    entityHeapBytes: 8_192,
    durability: "fsync-one-node",
    activations: [
      { way: "packed", isPacked: true, ms: 10.1 },
      { way: "unpacked", isPacked: false, ms: 49.9 },
    ],
  };
  const findings = footprintFindings(footprint, 100 * 1_048_576);
  t.deepEqual(findings.map(verdictOf), ["ok", "over", "over", "over", "ok", "ok", "over", "ok", "ok", "ok"]);
  t.is(footprintFindings(footprint, undefined).length, findings.length - 1, "no load, no memory under load");
});

test("both tables show unit, budget, verdict and durability", (t) => {
  const [finding] = rowFindings([row("read http", 64, 3_000, 12_345)], 1);
  t.regex(
    findingsTable(finding === undefined ? [] : [finding]),
    /12,345 \/s.*at least 20,000 \/s.*under.*fsync/,
  );
  t.regex(rowsTable([row("read http", 64, 3_000.4, 12_345)]), /read http.*64.*3,000.*12,345.*2\.50.*0\.40/);
});

test("what others do with the processors is told apart from what the benchmark does", (t) => {
  const process = (ticks: string): string => `7 (a (b) c) S 1 7 7 0 -1 4194304 1 1 0 0 ${ticks} 20 0 1 0 1 1`;
  const before = parseProcessorTime("cpu  100 0 50 800 10 5 5 30 0 0\ncpu0 1\n", process("10 5 20 5"));
  t.deepEqual(before, { total: 1_000, busy: 160, stolen: 30, own: 40 });
  const after = parseProcessorTime("cpu  160 10 70 850 20 5 15 70 0 0\ncpu0 1\n", process("20 5 60 5"));
  t.deepEqual(disturbanceBetween(before, after), { others: 0.25, stolen: 0.2 });
});
