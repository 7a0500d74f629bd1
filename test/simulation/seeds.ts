// SPDX-License-Identifier: Apache-2.0

import type { Mutant } from "./mutants.ts";
import { drawPlan } from "./plan.ts";
import { runPlan } from "./run.ts";

export interface Tally {
  readonly seeds: number;
  readonly steps: number;
  readonly answered: number;
  /** Seeds with which something went wrong. */
  readonly red: readonly number[];
}

/** Simulates with the seeds from `first` on. Ends early after `maxRed` red ones. */
export function runSeeds(
  first: number,
  count: number,
  { mutant, maxRed = 10 }: { readonly mutant?: Mutant | undefined; readonly maxRed?: number } = {},
): Tally {
  const red: number[] = [];
  let steps = 0;
  let answered = 0;
  let seed = first;
  for (; seed < first + count && red.length < maxRed; seed++) {
    const result = runPlan(drawPlan(seed), { mutant });
    steps += result.steps;
    answered += result.answered;
    if (result.problem !== undefined) red.push(seed);
  }
  return { seeds: seed - first, steps, answered, red };
}
