// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { casesWithYardsticks } from "./cases.ts";
import type { Load } from "./loader/job.ts";
import { processorTime, shareOfOthers } from "./machine.ts";
import { footprintTable, formatNumber, rowsTable } from "./report.ts";
import type { Row } from "./row.ts";
import { jsonLine, toRow } from "./row.ts";

function load(p50Us: number, perSecond: number): Load {
  return { calls: 100, p50Us, p99Us: 2 * p50Us, perSecond, allCalls: 130 };
}

function row(name: string, callers: number, p50Us: number, perSecond: number): Row {
  const figures = { p50Us, p99Us: 2 * p50Us, perSecond, ratio: 2.5, throughputRatio: 0.4 };
  return { case: name, callers, ...figures, durability: "fsync-one-node" };
}

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
    '{"case":"command sqlite","callers":64,"p50Us":1234.6,"p99Us":2469.1,"perSecond":8123.4,"ratio":0.33333,' +
      '"durability":"fsync-one-node"}',
  );
});

test("numbers keep about three digits", (t) => {
  t.deepEqual([0.2314, 12.345, 123.45, 12345.6].map(formatNumber), ["0.23", "12.3", "123", "12,346"]);
});

test("the rows are a table in Markdown, with unit, ratios and durability", (t) => {
  const [head, rule, line] = rowsTable([row("read http", 64, 3_000.4, 12_345)]).split("\n");
  t.regex(head ?? "", /^\| case +\| callers \| +p50 µs \| .*throughput × \| durability +\|$/);
  t.regex(rule ?? "", /^\| -+ \| -+: \|/);
  t.regex(line ?? "", /read http.*64.*3,000.*12,345.*2\.50.*0\.40.*fsync/);
});

test("the footprint stands beside its budgets", (t) => {
  const idle = { what: "idle proxy", measured: 80, unit: "MiB", budget: 80 };
  const table = footprintTable([idle, { what: "start", measured: 1_501, unit: "ms", budget: 150 }]);
  t.regex(table, /idle proxy \| 80\.0 MiB \| at most 80\.0 MiB \| ok/);
  t.regex(table, /start +\| 1,501 ms \| +at most 150 ms \| over/);
});

test("what others do with the processors is told apart from what the benchmark does", (t) => {
  const before = { totalMs: 1_000, busyMs: 160, ownMs: 40 };
  t.is(shareOfOthers(before, { totalMs: 1_400, busyMs: 320, ownMs: 100 }), 0.25);
  const { totalMs, busyMs, ownMs } = processorTime();
  t.true(totalMs > busyMs && busyMs > ownMs && ownMs > 0);
});
