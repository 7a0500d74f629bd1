// SPDX-License-Identifier: Apache-2.0

import type { Figure, Finding } from "./budget.ts";
import { verdictOf } from "./budget.ts";
import { verdictOfChange } from "./change.ts";
import type { Row } from "./row.ts";
import { formatNumber, formatTable } from "./table.ts";

/** The rows as a table. If there are publishers, a column shows their messages per second of processor time. */
export function rowsTable(rows: readonly Row[]): string {
  const withCpu = rows.some(({ perCpuSecond }) => perCpuSecond !== undefined);
  return formatTable(
    [
      { title: "case" },
      { title: "callers", align: "right" },
      { title: "p50 µs", align: "right" },
      { title: "p99 µs", align: "right" },
      { title: "per second", align: "right" },
      { title: "p50 ×", align: "right" },
      { title: "throughput ×", align: "right" },
      ...(withCpu ? [{ title: "per CPU second", align: "right" } as const] : []),
      { title: "durability" },
    ],
    rows.map((row) => [
      row.case,
      String(row.callers),
      formatNumber(row.p50Us),
      formatNumber(row.p99Us),
      formatCount(row.perSecond),
      row.ratio.toFixed(2),
      row.throughputRatio.toFixed(2),
      ...(withCpu ? [row.perCpuSecond === undefined ? "" : formatCount(row.perCpuSecond)] : []),
      row.durability,
    ]),
  );
}

/** Rows beside the proxy of another checkout as a table. */
export function changesTable(rows: readonly Row[]): string {
  return formatTable(
    [
      { title: "case" },
      { title: "callers", align: "right" },
      { title: "figure" },
      { title: "before", align: "right" },
      { title: "after", align: "right" },
      { title: "after ÷ before", align: "right" },
      { title: "spread", align: "right" },
      { title: "" },
      { title: "durability" },
    ],
    rows.flatMap((row) =>
      (row.changes ?? []).map((change) => [
        row.case,
        String(row.callers),
        change.figure === "perSecond" ? "per second" : "p50 µs",
        formatCount(change.before),
        formatCount(change.after),
        change.ratio.toFixed(3),
        `${change.low.toFixed(3)} to ${change.high.toFixed(3)}`,
        verdictOfChange(change),
        row.durability,
      ]),
    ),
  );
}

/** Figures beside their budgets as a table. */
export function findingsTable(findings: readonly Finding[]): string {
  return formatTable(
    [
      { title: "what" },
      { title: "measured", align: "right" },
      { title: "budget", align: "right" },
      { title: "" },
      { title: "durability" },
    ],
    findings.map((finding) => {
      const { what, measured, unit, budget, durability } = finding;
      const allowed = `${budget.kind} ${withUnit(budget.value, unit)}`;
      return [what, withUnit(measured, unit), allowed, verdictOf(finding), durability];
    }),
  );
}

/** Figures that have no budget as a table. */
export function figuresTable(figures: readonly Figure[]): string {
  return formatTable(
    [{ title: "what" }, { title: "measured", align: "right" }, { title: "durability" }],
    figures.map(({ what, measured, unit, durability }) => [what, withUnit(measured, unit), durability]),
  );
}

function formatCount(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function withUnit(value: number, unit: string): string {
  return `${formatNumber(value)} ${unit}`;
}
