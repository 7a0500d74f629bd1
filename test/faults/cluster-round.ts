// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";

import { linearizabilityText } from "../lib/linearizability/checker.ts";
import type { Fault, RoundPlan, Step } from "./plan.ts";
import { drawPlan } from "./plan.ts";
import { outcomeLine, planLine } from "./report.ts";
import type { RoundHooks, RoundOutcome } from "./round.ts";
import { runRound } from "./round.ts";

interface ClusterRound extends RoundHooks {
  /** What is not as the scenario has it. */
  readonly plan?: Partial<RoundPlan>;
}

/** Runs a round of a test with three proxies that share thirty carts, and these faults. The rest is always the same. */
export async function clusterRound(
  t: ExecutionContext,
  faults: readonly Fault[],
  { plan: changes, ...hooks }: ClusterRound = {},
): Promise<RoundOutcome> {
  t.timeout(300_000);
  const steps = faults.map((fault): Step => ({ afterAcknowledged: 200, fault }));
  const drawn = drawPlan(1, { scenario: "cluster", replicas: 1, clocks: "true" });
  const usual = { callers: 32, passivationMs: 2_000, memberTtlMs: 4_000 };
  const plan: RoundPlan = { ...drawn, ...usual, steps, ...changes };
  t.log(planLine(plan));
  const outcome = await runRound(t, plan, hooks);
  t.log(outcomeLine(outcome));
  t.log(linearizabilityText(outcome.linearizability));
  return outcome;
}
