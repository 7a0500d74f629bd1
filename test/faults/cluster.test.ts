// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import type { ExecutionContext } from "ava";

import { findings, linearizabilityText } from "../lib/linearizability/checker.ts";
import { natsSerialTest } from "../lib/nats/nats-test.ts";
import type { Fault, Step } from "./plan.ts";
import { drawPlan } from "./plan.ts";
import { outcomeLine, planLine } from "./report.ts";
import type { RoundHooks } from "./round.ts";
import { runRound } from "./round.ts";

/** Runs a round with three proxies that share thirty carts. */
async function round(t: ExecutionContext, seed: number, faults: readonly Fault[], hooks: RoundHooks = {}) {
  t.timeout(300_000);
  const steps = faults.map((fault): Step => ({ afterAcknowledged: 200, fault }));
  const plan = { ...drawPlan(seed, { scenario: "cluster", replicas: 1 }), callers: 32, steps };
  t.log(planLine(plan));
  const outcome = await runRound(t, plan, hooks);
  t.log(outcomeLine(outcome));
  t.log(linearizabilityText(outcome.linearizability));
  return outcome;
}

natsSerialTest(
  "(I8) reads and writes through three proxies are linearizable, whatever happens to one of them",
  async (t) => {
    const { violations } = await round(t, 1, [
      { kind: "kill proxy", victim: 0 },
      // Longer than its lease, so that the others take its shards.
      { kind: "stop proxy", victim: 1, holdMs: 3_000 },
      { kind: "lose answers", victim: 2, holdMs: 1_000 },
      { kind: "reset", victim: 0 },
      { kind: "half-open", victim: 1, holdMs: 1_500 },
      { kind: "refuse", victim: 2, holdMs: 4_000 },
      { kind: "kill server", victim: 0, downMs: 300 },
    ]);
    t.deepEqual(violations, []);
  },
);

natsSerialTest("a proxy whose answers leave without a valid lease is found out", async (t) => {
  const program = { main: join(import.meta.dirname, "ungated-proxy.ts"), args: [] };
  // Each is cut off from NATS in turn, while its callers still reach it, until others have long taken its shards.
  const cuts = [0, 1, 2].map((victim): Fault => ({ kind: "refuse", victim, holdMs: 4_000 }));
  const { linearizability } = await round(t, 2, cuts, { program });
  if (linearizability.kind === "skipped") return;
  const [first = "all histories are linearizable"] = findings(linearizability);
  t.log(first);
  t.regex(first, /not linearizable/);
});
