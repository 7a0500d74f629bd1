// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import type { ExecutionContext } from "ava";

import { findChecker } from "../lib/linearizability/checker.ts";
import { natsSerialTest } from "../lib/nats/nats-test.ts";
import type { Fault } from "./plan.ts";
import { drawPlan } from "./plan.ts";
import type { RoundHooks } from "./round.ts";
import { runRound } from "./round.ts";

const hasChecker = (await findChecker()).kind === "built";

const BROKEN_PROXY = join(import.meta.dirname, "broken-proxy.ts");

/** Runs a round with these faults. Returns its violations. */
async function violations(t: ExecutionContext, faults: readonly Fault[], hooks: RoundHooks = {}) {
  t.timeout(120_000);
  const plan = drawPlan(7, { scenario: "crashes", replicas: 1 });
  const steps = faults.map((fault) => ({ afterAcknowledged: 50, fault }));
  const found = (await runRound(t, { ...plan, callers: 32, entities: 30, steps }, hooks)).violations;
  t.log(`${found.length} violations, as ${found[0]}`);
  return found;
}

/** The answers of the callers alone prove it too, without a look into the log. */
function foundByChecker(t: ExecutionContext, found: readonly string[]): void {
  const shown = found.find((violation) => violation.includes("not linearizable"));
  t.log(shown ?? "no checker of linearizability");
  t.is(shown !== undefined, hasChecker);
}

natsSerialTest("a proxy that acknowledges before it writes is found out", async (t) => {
  const kill = { kind: "kill proxy", victim: 0 } as const;
  const program = { main: BROKEN_PROXY, args: ["early"] };
  const found = await violations(t, [kill, kill], { program });
  t.true(found.some((violation) => violation.includes("lost: ")));
  foundByChecker(t, found);
});

natsSerialTest("a proxy that tries an append again without its fence is found out", async (t) => {
  const lose = { kind: "lose answers", victim: 0, holdMs: 500 } as const;
  const program = { main: BROKEN_PROXY, args: ["blind"] };
  const found = await violations(t, [lose, lose], { program });
  t.true(found.some((violation) => violation.includes("doubled: ")));
});

natsSerialTest("a server whose stream loses records is found out", async (t) => {
  const found = await violations(t, [{ kind: "lose records", acknowledged: 100 }]);
  t.true(found.some((violation) => violation.includes("lost: ")));
  foundByChecker(t, found);
});
