// SPDX-License-Identifier: Apache-2.0

import { verdictOf } from "./budget.ts";
import type { Finding } from "./budget.ts";
import type { Row } from "./row.ts";
import { formatNumber, formatTable } from "./table.ts";

/** The rows as a table. */
export function rowsTable(rows: readonly Row[]): string {
  return formatTable(
    [
      { title: "case" },
      { title: "callers", align: "right" },
      { title: "p50 µs", align: "right" },
      { title: "p99 µs", align: "right" },
      { title: "per second", align: "right" },
      { title: "p50 ×", align: "right" },
      { title: "throughput ×", align: "right" },
      { title: "durability" },
    ],
    rows.map((row) => [
      row.case,
      String(row.callers),
      formatNumber(row.p50Us),
      formatNumber(row.p99Us),
      Math.round(row.perSecond).toLocaleString("en-US"),
      row.ratio.toFixed(2),
      row.throughputRatio.toFixed(2),
      row.durability,
    ]),
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

function withUnit(value: number, unit: string): string {
  return `${formatNumber(value)} ${unit}`;
}
