// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import type { ExecutionContext } from "ava";

import { findings } from "../lib/linearizability/checker.ts";
import { natsSerialTest } from "../lib/nats/nats-test.ts";
import type { Fault, Step } from "./plan.ts";
import { drawPlan } from "./plan.ts";
import { outcomeLine, planLine } from "./report.ts";
import type { RoundHooks } from "./round.ts";
import { runRound } from "./round.ts";

/** Runs a round with two proxies that both serve the same three carts, because proxies do not own entities yet. */
async function round(t: ExecutionContext, seed: number, faults: readonly Fault[], hooks: RoundHooks = {}) {
  t.timeout(120_000);
  const steps = faults.map((fault): Step => ({ afterAcknowledged: 150, fault }));
  const plan = { ...drawPlan(seed, { scenario: "rivals", replicas: 1 }), callers: 32, steps };
  t.log(planLine(plan));
  const outcome = await runRound(t, plan, hooks);
  t.log(outcomeLine(outcome));
  return outcome;
}

natsSerialTest(
  "(I3) two proxies that both own an entity never store two records after one position; stale reads are found",
  async (t) => {
    const { violations, counts, linearizability } = await round(t, 1, [
      // After a pause, a proxy still holds the state from before it.
      { kind: "stop proxy", victim: 0, holdMs: 700 },
      { kind: "lose answers", victim: 1, holdMs: 300 },
      { kind: "stop proxy", victim: 1, holdMs: 700 },
      { kind: "reset", victim: 0 },
    ]);
    t.deepEqual(violations, []);
    t.true(counts.refused > 0, "one of two rivals is refused");
    // Each answers reads from memory, and does not see what the other has written since.
    if (linearizability.kind === "skipped") return;
    const [first = "all histories are linearizable"] = findings(linearizability);
    t.log(first);
    t.regex(first, /append .* → done\n.*: list → /);
    t.true(
      first.includes("at proxy 0: ") && first.includes("at proxy 1: "),
      "each for itself is linearizable",
    );
  },
);

natsSerialTest("two proxies that do not heed the fence are found out", async (t) => {
  const program = { main: join(import.meta.dirname, "broken-proxy.ts"), args: ["blind"] };
  const { violations } = await round(t, 2, [{ kind: "reset", victim: 0 }], { program });
  t.log(`${violations.length} violations, as ${violations[0]}`);
  t.true(violations.some((violation) => violation.includes("gap: ")));
});
