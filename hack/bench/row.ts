// SPDX-License-Identifier: Apache-2.0

import type { Case } from "./cases.ts";
import type { Change } from "./change.ts";
import type { Load } from "./messages.ts";
import { median } from "./statistics.ts";

/** One case with one number of callers. */
export interface Row {
  readonly case: string;
  readonly callers: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly perSecond: number;
  /** The median time divided by that of the case's yardstick with the same number of callers. */
  readonly ratio: number;
  /** The throughput divided by that of the yardstick. */
  readonly throughputRatio: number;
  readonly durability: string;
  /** Messages per second of the publisher's processor time. Only for cases that publish. */
  readonly perCpuSecond?: number;
  /** The changes against the proxy of another checkout, if there is one. */
  readonly changes?: readonly Change[];
}

/**
 * One row from its rounds: the median of each figure. The ratios are taken within each round, so that a machine that is
 * slower for a while slows both sides.
 */
export function toRow(
  measured: Case,
  callers: number,
  rounds: readonly Load[],
  yardstick: readonly Load[],
): Row {
  const ratioOf = (figure: "p50Us" | "perSecond") =>
    median(rounds.map((load, i) => load[figure] / (yardstick[i]?.[figure] ?? Number.NaN)));
  return {
    case: measured.name,
    callers,
    p50Us: median(rounds.map(({ p50Us }) => p50Us)),
    p99Us: median(rounds.map(({ p99Us }) => p99Us)),
    perSecond: median(rounds.map(({ perSecond }) => perSecond)),
    ratio: ratioOf("p50Us"),
    throughputRatio: ratioOf("perSecond"),
    durability: measured.durability,
    ...(measured.kind === "publish" && { perCpuSecond: median(rounds.map((load) => load.perCpuSecond)) }),
  };
}

/**
 * The row for `--json`. Latencies are rounded to a tenth of a microsecond, the ratio to a hundredth, the ratios of
 * changes to a thousandth.
 */
export function jsonLine(row: Row): string {
  return JSON.stringify({
    case: row.case,
    callers: row.callers,
    p50Us: round(row.p50Us, 1),
    p99Us: round(row.p99Us, 1),
    perSecond: round(row.perSecond, 0),
    ratio: round(row.ratio, 2),
    durability: row.durability,
    ...(row.perCpuSecond !== undefined && { perCpuSecond: round(row.perCpuSecond, 0) }),
    ...(row.changes !== undefined && { changes: row.changes.map(jsonChange) }),
  });
}

function jsonChange({ figure, before, after, ratio, low, high }: Change): Change {
  return {
    figure,
    before: round(before, 1),
    after: round(after, 1),
    ratio: round(ratio, 3),
    low: round(low, 3),
    high: round(high, 3),
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
