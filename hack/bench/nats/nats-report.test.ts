// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { verdictOf } from "../budget.ts";
import { figuresTable } from "../report.ts";
import type { Row } from "../row.ts";
import { manyEntitiesFigures } from "./figures.ts";
import { natsRowFindings } from "./row-findings.ts";

const RELAXED = "acknowledged-before-fsync";
const SYNCED = "fsync-one-node";

interface Figures {
  readonly p50Us?: number;
  readonly perSecond?: number;
  readonly perCpuSecond?: number;
}

function row(name: string, callers: number, durability: string, figures: Figures): Row {
  const other = { p50Us: 1, p99Us: 1, perSecond: 1, ratio: 1, throughputRatio: 1 };
  return { case: name, callers, durability, ...other, ...figures };
}

test("each budget is judged by rows of the same durability, and left out without them", (t) => {
  const rows = [
    row("direct call", 1, "none", { p50Us: 300 }),
    row("h2 echo", 64, "none", { perSecond: 40_000 }),
    row("bare publish", 1, RELAXED, { p50Us: 100 }),
    row("command", 1, RELAXED, { p50Us: 801 }),
    row("bare publish", 64, RELAXED, { perCpuSecond: 20_000 }),
    row("own publish", 64, RELAXED, { perCpuSecond: 39_000 }),
    row("command", 64, RELAXED, { perSecond: 8_000 }),
    row("bare publish", 1, SYNCED, { p50Us: 400 }),
    row("command", 1, SYNCED, { p50Us: 1_400 }),
    row("bare publish", 64, SYNCED, { perCpuSecond: 10_000 }),
    row("own publish", 64, SYNCED, { perCpuSecond: 20_000 }),
    row("command", 64, SYNCED, { perSecond: 7_999 }),
  ];
  const judged = natsRowFindings(rows).map((finding) => {
    const { what, measured, durability } = finding;
    return [what, measured, durability, verdictOf(finding)];
  });
  t.deepEqual(judged, [
    // 2 × (100 + 300)
    ["command, 1 caller, p50", 801, RELAXED, "over"],
    ["own publish, 64 callers, per CPU second", 1.95, RELAXED, "under"],
    ["commands, 64 callers", 0.2, RELAXED, "ok"],
    // 2 × (400 + 300)
    ["command, 1 caller, p50", 1_400, SYNCED, "ok"],
    ["own publish, 64 callers, per CPU second", 2, SYNCED, "ok"],
    ["commands, 64 callers", 7_999 / 40_000, SYNCED, "under"],
    ["fsynced commands, 64 callers", 7_999, SYNCED, "under"],
  ]);
  t.deepEqual(natsRowFindings([]), []);
  t.deepEqual(natsRowFindings(rows.filter(({ durability }) => durability === SYNCED)).length, 2);
});

test("what many entities mean is a table without budgets", (t) => {
  const table = figuresTable(
    manyEntitiesFigures({
      entities: 1_000_000,
      filledPerSecond: 25_000,
      storeBytes: 300 * 1_048_576,
      loadedBytes: 1,
      restartedBytes: 270_000_000,
      usedBytes: 1,
      restartMs: 1_234,
      recoveryMs: 1,
      proxyReadyMs: 1,
      cold: { count: 64, p50Ms: 12.34, p99Ms: 1 },
      warm: { count: 1_000, p50Ms: 1, p99Ms: 2.5 },
    }),
  );
  for (const line of [
    /1000000 entities filled, one event each +\| +25,000 \/s/,
    /store on the disk +\| +300 MiB/,
    /each entity, after a restart +\| +270 bytes/,
    /orderly end +\| +1,234 ms/,
    /cold, p50 of 64 +\| +12\.3 ms/,
    /warm, p99 of 1000 +\| +2\.50 ms +\| acknowledged/,
  ]) {
    t.regex(table, line);
  }
});
