// SPDX-License-Identifier: Apache-2.0

import { linearizabilityText } from "../lib/linearizability/checker.ts";
import type { Counts } from "./judge.ts";
import { pausesText } from "./pauses.ts";
import type { FaultKind, RoundPlan } from "./plan.ts";
import type { RoundOutcome } from "./round.ts";

/** A line about a round before it begins. */
export function planLine({ seed, scenario, replicas, callers, entities, clocks, steps }: RoundPlan): string {
  const servers = replicas === 1 ? "R1" : `R${replicas}`;
  return `seed ${seed}: ${scenario}, ${servers}, ${clocks} clocks, ${callers} callers, ${entities} carts, ${steps.length} faults`;
}

/** A line about the outcome of a round, in the style of the crash test. */
export function outcomeLine(outcome: RoundOutcome): string {
  const { counts, linearizability, faults, durationMs, longestSilenceMs, pauses, clockProblem, plan } =
    outcome;
  return (
    (pauses === undefined ? "" : `${pausesText(pauses)}; `) +
    (clockProblem === undefined ? "" : `clocks not bent: ${clockProblem}; `) +
    `${countsText(counts)}; ${linearizabilityText(linearizability)}; ${faultsText(faults)}; ` +
    `longest time without an acknowledgement ${seconds(longestSilenceMs)}; ${seconds(durationMs)}, seed ${plan.seed}`
  );
}

/** Lines about all rounds. */
export function summaryLines(outcomes: readonly RoundOutcome[], durationMs: number): string[] {
  const faults = new Map<FaultKind, number>();
  for (const outcome of outcomes)
    for (const [kind, times] of outcome.faults) faults.set(kind, (faults.get(kind) ?? 0) + times);
  const longestMs = Math.max(0, ...outcomes.map(({ longestSilenceMs }) => longestSilenceMs));
  const violations = outcomes.reduce((sum, outcome) => sum + outcome.violations.length, 0);
  return [
    `${outcomes.length} rounds in ${seconds(durationMs)}: ${violations} violations`,
    countsText(sumCounts(outcomes.map(({ counts }) => counts))),
    faultsText(faults),
    `longest time without an acknowledgement ${seconds(longestMs)}`,
  ];
}

/** The command that repeats a round. */
export function repeatCommand({ seed, scenario, replicas }: RoundPlan): string {
  return `npm run faults -- --seed ${seed} --rounds 1 --scenario ${scenario} --replicas ${replicas}`;
}

function countsText(counts: Counts): string {
  return (
    `${counts.acknowledged} acknowledged, ${counts.unacknowledgedStored} unacknowledged stored, ` +
    `${counts.unacknowledgedNotStored} unacknowledged not stored, ${counts.refused} refused, ${counts.looks} looks`
  );
}

function faultsText(faults: ReadonlyMap<FaultKind, number>): string {
  const all = [...faults].toSorted(([a], [b]) => a.localeCompare(b));
  return all.length === 0
    ? "no faults"
    : `faults: ${all.map(([kind, times]) => `${times} ${kind}`).join(", ")}`;
}

function sumCounts(all: readonly Counts[]): Counts {
  const sum = { acknowledged: 0, unacknowledgedStored: 0, unacknowledgedNotStored: 0, refused: 0, looks: 0 };
  for (const counts of all) {
    sum.acknowledged += counts.acknowledged;
    sum.unacknowledgedStored += counts.unacknowledgedStored;
    sum.unacknowledgedNotStored += counts.unacknowledgedNotStored;
    sum.refused += counts.refused;
    sum.looks += counts.looks;
  }
  return sum;
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}
