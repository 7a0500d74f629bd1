// SPDX-License-Identifier: Apache-2.0

import type { Plan } from "./plan.ts";

/** Bound of the runs that a shrinking takes. */
const MAX_RUNS = 400;

/**
 * Makes a plan that fails smaller, as long as it fails: without single faults, pods and callers, with shorter faults,
 * and with less time.
 *
 * @param fails runs a plan
 */
export function shrink(plan: Plan, fails: (plan: Plan) => boolean): Plan {
  let smallest = plan;
  let runs = 0;
  for (let isSmaller = true; isSmaller; ) {
    isSmaller = false;
    for (const candidate of candidates(smallest)) {
      if (++runs > MAX_RUNS) return smallest;
      if (!fails(candidate)) continue;
      smallest = candidate;
      isSmaller = true;
      break;
    }
  }
  return smallest;
}

/** Smaller plans, those that leave out most first. */
function* candidates(plan: Plan): Generator<Plan, void, undefined> {
  const { faults, callers, busyMs, pods } = plan;
  for (const index of faults.keys()) yield { ...plan, faults: faults.toSpliced(index, 1) };
  const last = pods.length - 1;
  if (last > 0 && faults.every((fault) => !("pod" in fault) || fault.pod !== last))
    yield { ...plan, pods: pods.slice(0, last) };
  if (callers > 1) yield { ...plan, callers: callers - 1 };
  if (busyMs > 1_000) yield { ...plan, busyMs: busyMs - 1_000 };
  for (const [index, { startMs, ...pod }] of pods.entries())
    if (startMs > 0) yield { ...plan, pods: pods.with(index, { ...pod, startMs: 0 }) };
  for (const [index, fault] of faults.entries())
    if ("forMs" in fault && fault.forMs > 100)
      yield { ...plan, faults: faults.with(index, { ...fault, forMs: fault.forMs / 2 }) };
}
