// SPDX-License-Identifier: Apache-2.0

import { binomialDistribution, median } from "simple-statistics";

import type { Load } from "./loader/job.ts";

/** One figure of a row of two proxies, such as those of another checkout (before) and of this one (after). */
export interface Change {
  /** Which proxy is compared to the first one of several. Undefined: there are two checkouts. */
  readonly side?: string;
  readonly figure: "perSecond" | "p50Us" | "cpuUs";
  readonly before: number;
  readonly after: number;
  /** The figure after divided by the figure before, within each round: the median of the rounds. */
  readonly ratio: number;
  /** Its spread (`spreadOf`). */
  readonly low: number;
  readonly high: number;
}

/** Slower by more than this part is marked. */
const MARGIN = 0.03;

/** How often the true median may lie outside the spread. */
const MAX_MISS = 0.05;

/** One caller also has its median time, because its throughput depends on its slowest calls too. */
export function changesOf(
  callers: number,
  after: readonly Load[],
  before: readonly Load[],
  figures: readonly Change["figure"][] = callers === 1 ? ["perSecond", "p50Us"] : ["perSecond"],
): Change[] {
  return figures.map((figure) => {
    const ratios = ratiosOf(figure, after, before);
    return {
      figure,
      before: median(before.map((load) => load[figure] ?? Number.NaN)),
      after: median(after.map((load) => load[figure] ?? Number.NaN)),
      ratio: median(ratios),
      ...spreadOf(ratios),
    };
  });
}

/** The changes of a row. @param loads of each side its rounds */
export type Compare = (callers: number, loads: readonly (readonly Load[])[]) => readonly Change[];

/** This checkout, which comes first, with another one, if there is one. */
export const withOtherCheckout: Compare = (callers, [own = [], other = []]) =>
  other.length === 0 ? [] : changesOf(callers, own, other);

/**
 * The first of several proxies with each further one, by their names. Processor time as well, because other programs
 * disturb it less than the throughput.
 */
export function withFirst(names: readonly string[]): Compare {
  return (callers, [first = [], ...further]) =>
    further.flatMap((loads, i) =>
      changesOf(callers, loads, first, ["perSecond", "cpuUs"]).map((change) => ({
        ...change,
        side: names[i + 1] ?? "",
      })),
    );
}

/** A figure divided by that of the same round of something else: a machine that is slow for a while slows both. */
export function ratiosOf(
  figure: Change["figure"],
  loads: readonly Load[],
  others: readonly Load[],
): number[] {
  return loads.map((load, i) => (load[figure] ?? Number.NaN) / (others[i]?.[figure] ?? Number.NaN));
}

/** With a question mark if the margin lies within the spread, so that another run may say otherwise. */
export function verdictOfChange({ figure, ratio, low, high }: Change): string {
  const isSlower = (value: number) => (figure === "perSecond" ? value < 1 - MARGIN : value > 1 + MARGIN);
  return `${isSlower(ratio) ? "slower" : "ok"}${isSlower(low) === isSlower(high) ? "" : "?"}`;
}

/**
 * The values between which the true median lies with 95 % certainty. Each round is as likely above the true median as
 * below it, so the binomial distribution gives the probability that only so many rounds lie on one side. With fewer
 * than six rounds: the least and the greatest value.
 */
function spreadOf(values: readonly number[]): { readonly low: number; readonly high: number } {
  const sorted = values.toSorted((a, b) => a - b);
  let chance = 0;
  const onOneSide = binomialDistribution(sorted.length, 0.5)?.map((part) => (chance += part)) ?? [];
  const skipped = Math.max(0, onOneSide.findIndex((sum) => 2 * sum > MAX_MISS) - 1);
  return { low: sorted[skipped] ?? Number.NaN, high: sorted.at(-1 - skipped) ?? Number.NaN };
}
