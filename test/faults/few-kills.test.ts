// SPDX-License-Identifier: Apache-2.0
// A few seconds of what `npm run faults` does for minutes, so that `npm test` finds faults that show at the first
// kill.

import { join } from "node:path";

import test from "ava";

import { crashRun } from "../lib/crash-run.ts";
import { cartsThatDiffer, count, violations } from "./crash-outcome.ts";

/** Always the same: what is drawn anew each time belongs to `npm run faults`. */
const PLAN = { seed: 4, commands: 600, entities: 60, callers: 32, kills: 2 };

test.serial("what was acknowledged survives two kills, exactly once and in sequence", async (t) => {
  const outcome = await crashRun(t, PLAN);
  t.deepEqual(violations(outcome), []);
  t.deepEqual(outcome.refusals, []);
  t.deepEqual(cartsThatDiffer(outcome), []);
  t.is(outcome.kills, PLAN.kills);
  const { acknowledged, stored, notStored } = count(outcome);
  t.is(acknowledged + stored + notStored, PLAN.commands);
});

test.serial("a proxy that answers before it has stored is found out", async (t) => {
  const proxyMain = join(import.meta.dirname, "broken-proxy.ts");
  const found = violations(await crashRun(t, { ...PLAN, proxyMain }));
  t.true(found.some((violation) => violation.includes("lost")));
});
