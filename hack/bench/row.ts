// SPDX-License-Identifier: Apache-2.0

import { median } from "simple-statistics";

import type { Case } from "./cases.ts";
import { durabilityOf } from "./cases.ts";
import type { Change } from "./change.ts";
import { ratiosOf } from "./change.ts";
import type { Load } from "./loader/job.ts";

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
  /** The changes against another proxy, if there is one. */
  readonly changes?: readonly Change[];
}

/** The figures of one row: the median of each over the rounds, and of each ratio within a round. */
export function medianFigures(
  rounds: readonly Load[],
  yardstick: readonly Load[],
): Pick<Row, "p50Us" | "p99Us" | "perSecond" | "ratio" | "throughputRatio"> {
  return {
    p50Us: median(rounds.map(({ p50Us }) => p50Us)),
    p99Us: median(rounds.map(({ p99Us }) => p99Us)),
    perSecond: median(rounds.map(({ perSecond }) => perSecond)),
    ratio: median(ratiosOf("p50Us", rounds, yardstick)),
    throughputRatio: median(ratiosOf("perSecond", rounds, yardstick)),
  };
}

/** One row from its rounds. */
export function toRow(
  measured: Case,
  callers: number,
  rounds: readonly Load[],
  yardstick: readonly Load[],
  changes: readonly Change[] = [],
): Row {
  return {
    case: measured.name,
    callers,
    ...medianFigures(rounds, yardstick),
    durability: durabilityOf(measured),
    ...(changes.length > 0 && { changes }),
  };
}

const KEPT_DIGITS = 5;

/** The row for `--json`, in figures that a person can read. */
export function jsonLine({ throughputRatio: _, ...row }: Row): string {
  return JSON.stringify(row, (_key, value: unknown) =>
    typeof value === "number" ? Number(value.toPrecision(KEPT_DIGITS)) : value,
  );
}
