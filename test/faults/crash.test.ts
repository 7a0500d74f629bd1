// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";
import { parseArgs } from "node:util";

import test from "ava";

import { bySize } from "../lib/by-size.ts";
import { crashRun } from "../lib/crash-run.ts";
import { checkLinearizability, findings, linearizabilityText } from "../lib/linearizability/checker.ts";
import { cartsThatDiffer, count, violations } from "./crash-outcome.ts";

/**
 * The seed of the run. To repeat a run: `PERDURE_SEED=7 ava --config faults.config.js test/faults/crash.test.ts`, or
 * `… -- --seed 7`.
 */
const seed = readSeed();
console.log(`crash test: seed ${seed}`);

const BROKEN_PROXY = join(import.meta.dirname, "broken-proxy.ts");

test.serial("what was acknowledged survives kills of the proxy, exactly once and in sequence", async (t) => {
  t.timeout(180_000);
  const startedMs = performance.now();
  const plan = {
    seed,
    callers: 64,
    ...bySize({
      full: { commands: 10_000, entities: 1_000, kills: 5 },
      short: { commands: 2_000, entities: 200, kills: 3 },
    }),
  };
  const outcome = await crashRun(t, plan);

  t.deepEqual(violations(outcome), []);
  t.deepEqual(outcome.refusals, [], "only kills leave commands without an acknowledgement");
  t.deepEqual(cartsThatDiffer(outcome), []);
  const linearizability = await checkLinearizability(outcome.operations);
  t.deepEqual(findings(linearizability), []);
  t.is(outcome.kills, plan.kills);
  const { acknowledged, stored, notStored } = count(outcome);
  t.is(acknowledged + stored + notStored, plan.commands);
  t.log(
    `${acknowledged} acknowledged, ${stored} unacknowledged stored, ${notStored} unacknowledged not stored, ` +
      `${linearizabilityText(linearizability)}, ${outcome.kills} kills, ${((performance.now() - startedMs) / 1000).toFixed(1)} s, seed ${seed}`,
  );
});

test.serial("a proxy that answers before it has stored is found out", async (t) => {
  t.timeout(60_000);
  const plan = { seed, commands: 1_000, entities: 100, callers: 32, kills: 2, proxyMain: BROKEN_PROXY };
  const found = violations(await crashRun(t, plan));
  t.true(found.some((violation) => violation.includes("lost")));
});

function readSeed(): number {
  const { values } = parseArgs({ options: { seed: { type: "string" } }, strict: false });
  const given = typeof values.seed === "string" ? values.seed : process.env["PERDURE_SEED"];
  return given === undefined ? Math.floor(Math.random() * 1_000_000) : Number(given);
}
