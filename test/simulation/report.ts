// SPDX-License-Identifier: Apache-2.0

import type { Mutant } from "./mutants.ts";
import type { Plan } from "./plan.ts";
import { describeFault, drawPlan } from "./plan.ts";
import { runPlan } from "./run.ts";
import { shrink } from "./shrink.ts";

/** What of a trace people read: the end of it. */
const MAX_LINES = 60;

/** Makes a failing seed's plan as small as it can, and tells what happens in it. */
export function failureReport(seed: number, mutant?: Mutant): string {
  const drawn = drawPlan(seed);
  const before = runPlan(drawn, { mutant });
  if (before.problem === undefined) return `seed ${seed}: nothing is wrong`;
  const plan = shrink(drawn, (smaller) => runPlan(smaller, { mutant }).problem !== undefined);
  const { problem, trace, steps } = runPlan(plan, { mutant, isTraced: true });
  const shown = trace.slice(-MAX_LINES);
  return [
    `seed ${seed}: ${before.problem}`,
    `shrunk from ${sizeOf(drawn)}, ${before.steps} steps, to ${sizeOf(plan)}, ${steps} steps: ${problem}`,
    ...plan.faults.map((fault) => `  ${describeFault(fault)}`),
    trace.length > shown.length ? `the last ${shown.length} of ${trace.length} lines:` : "what happened:",
    ...shown.map((line) => `  ${line}`),
    `plan: ${JSON.stringify(plan)}`,
  ].join("\n");
}

function sizeOf({ faults, pods, callers }: Plan): string {
  return `${faults.length} faults, ${pods.length} pods, ${callers} callers`;
}
