// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";
import { parseArgs } from "node:util";

import test from "ava";

import { storedTokens, tokenOf } from "../lib/carts.ts";
import { crashRun } from "../lib/crash-run.ts";
import type { CrashOutcome } from "../lib/crash-run.ts";
import { checkHistory } from "../lib/history-checker.ts";

/** Repeat a run by its seed: `PERDURE_SEED=7 ava test/faults/crash.test.ts`, or `… -- --seed 7`. */
const seed = readSeed();
console.log(`crash test: seed ${seed}`);

const BROKEN_PROXY = join(import.meta.dirname, "broken-proxy.ts");

test.serial("what was acknowledged survives five kills, exactly once and in sequence", async (t) => {
  t.timeout(180_000);
  const startedMs = performance.now();
  const plan = { seed, commands: 10_000, entities: 1_000, callers: 64, kills: 5 };
  const outcome = await crashRun(t, plan);

  t.deepEqual(violations(outcome), []);
  t.deepEqual(outcome.refusals, [], "only kills leave commands without an acknowledgement");
  t.deepEqual(cartsThatDiffer(outcome), []);
  t.is(outcome.kills, plan.kills);
  const { acknowledged, stored, notStored } = count(outcome);
  t.is(acknowledged + stored + notStored, plan.commands);
  t.log(
    `${acknowledged} acknowledged, ${stored} unacknowledged stored, ${notStored} unacknowledged not stored, ` +
      `${outcome.kills} kills, ${((performance.now() - startedMs) / 1000).toFixed(1)} s, seed ${seed}`,
  );
});

test.serial("a proxy that answers before it has stored is found out", async (t) => {
  t.timeout(60_000);
  const plan = { seed, commands: 1_000, entities: 100, callers: 32, kills: 2, proxyMain: BROKEN_PROXY };
  const found = violations(await crashRun(t, plan));
  t.true(found.some((violation) => violation.includes("lost")));
});

function violations({ sent, stored }: CrashOutcome): string[] {
  const ids = new Set([...sent.keys(), ...stored.keys()]);
  const nothing = { acknowledged: [], unacknowledged: [] };
  return [...ids].flatMap((id) =>
    checkHistory(sent.get(id) ?? nothing, stored.get(id) ?? [], tokenOf).map(
      ({ kind, detail }) => `${id}: ${kind}: ${detail}`,
    ),
  );
}

/** Carts that the proxy shows otherwise than the log has them. */
function cartsThatDiffer({ carts, stored }: CrashOutcome): string[] {
  return [...carts]
    .filter(([id, products]) => products.join() !== storedTokens(stored.get(id) ?? []).join())
    .map(([id]) => id);
}

function count({ sent, stored }: CrashOutcome): {
  readonly acknowledged: number;
  readonly stored: number;
  readonly notStored: number;
} {
  const counts = { acknowledged: 0, stored: 0, notStored: 0 };
  for (const [id, { acknowledged, unacknowledged }] of sent) {
    const inLog = new Set(storedTokens(stored.get(id) ?? []));
    counts.acknowledged += acknowledged.length;
    for (const token of unacknowledged) counts[inLog.has(token) ? "stored" : "notStored"]++;
  }
  return counts;
}

function readSeed(): number {
  const { values } = parseArgs({ options: { seed: { type: "string" } }, strict: false });
  const given = typeof values.seed === "string" ? values.seed : process.env["PERDURE_SEED"];
  return given === undefined ? Math.floor(Math.random() * 1_000_000) : Number(given);
}
