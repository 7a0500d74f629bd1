// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";

import { natsSerialTest } from "../lib/nats/nats-test.ts";
import type { RoundPlan } from "./plan.ts";
import { drawPlan } from "./plan.ts";
import { outcomeLine, planLine } from "./report.ts";
import { runRound } from "./round.ts";

/** Runs one round of `npm run faults` that must have no violations. The seeds are fixed. */
async function isGreen(t: ExecutionContext, plan: RoundPlan): Promise<void> {
  t.timeout(300_000);
  t.log(planLine(plan));
  const outcome = await runRound(t, plan);
  t.log(outcomeLine(outcome));
  t.deepEqual(outcome.violations, []);
  t.is(
    outcome.faults.values().reduce((sum, times) => sum + times, 0),
    plan.steps.length,
  );
}

natsSerialTest("one server: nothing is lost, whatever is killed, stopped or cut off", async (t) => {
  await isGreen(t, drawPlan(1, { scenario: "mixed", replicas: 1, extraFaults: 0, shortOnly: true }));
});

natsSerialTest("one server: what it stores after the proxy gave up is stored once", async (t) => {
  const plan = drawPlan(2, { scenario: "pauses", replicas: 1, extraFaults: 0, shortOnly: true });
  // Longer than the proxy waits for an answer.
  const fault = { kind: "stop server", victim: 0, holdMs: 6_000 } as const;
  await isGreen(t, { ...plan, steps: [{ afterAcknowledged: 100, fault }] });
});

natsSerialTest("three servers: nothing is lost when the leader is killed", async (t) => {
  const plan = drawPlan(3, { scenario: "crashes", replicas: 3, extraFaults: 0, shortOnly: true });
  const kill = { kind: "kill leader", downMs: 500 } as const;
  const reset = { kind: "reset", victim: 0 } as const;
  await isGreen(t, {
    ...plan,
    steps: [
      { afterAcknowledged: 200, fault: kill },
      { afterAcknowledged: 100, fault: reset },
    ],
  });
});
