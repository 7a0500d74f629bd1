// SPDX-License-Identifier: Apache-2.0

import { markdownTable } from "markdown-table";

import { verdictOfChange } from "./change.ts";
import type { Row } from "./row.ts";

/** A figure of the footprint, beside the most that the design allows. */
export interface Figure {
  readonly what: string;
  readonly measured: number;
  readonly unit: string;
  readonly budget: number;
}

export function rowsTable(rows: readonly Row[]): string {
  const head = ["case", "callers", "p50 µs", "p99 µs", "per second", "p50 ×", "throughput ×", "durability"];
  const cells = rows.map((row) => [
    row.case,
    String(row.callers),
    formatNumber(row.p50Us),
    formatNumber(row.p99Us),
    formatCount(row.perSecond),
    row.ratio.toFixed(2),
    row.throughputRatio.toFixed(2),
    row.durability,
  ]);
  return markdownTable([head, ...cells], { align: ["", "r", "r", "r", "r", "r", "r"] });
}

/** Rows beside the proxy of another checkout as a table in Markdown. */
export function changesTable(rows: readonly Row[]): string {
  const head = ["case", "callers", "figure", "before", "after", "after ÷ before", "spread", "", "durability"];
  const cells = rows.flatMap((row) =>
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
  );
  return markdownTable([head, ...cells], { align: ["", "r", "", "r", "r", "r", "r"] });
}

export function footprintTable(figures: readonly Figure[]): string {
  const cells = figures.map(({ what, measured, unit, budget }) => [
    what,
    `${formatNumber(measured)} ${unit}`,
    `at most ${formatNumber(budget)} ${unit}`,
    measured <= budget ? "ok" : "over",
  ]);
  return markdownTable([["what", "measured", "budget", ""], ...cells], { align: ["", "r", "r"] });
}

/** A number with commas between thousands; small ones with one or two digits behind the point. */
export function formatNumber(value: number): string {
  const digits = Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0;
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function formatCount(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
