// SPDX-License-Identifier: Apache-2.0

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ExecutionContext } from "ava";
import test from "ava";

import { bundle } from "../../hack/bundle/bundle.ts";
import { programOf } from "../../hack/bundle/programs.ts";
import { bySize } from "../lib/by-size.ts";
import { natsSerialTest } from "../lib/nats/nats-test.ts";
import { startNatsServer } from "../lib/nats/server.ts";
import { temporaryFolder } from "../lib/processes.ts";
import type { EffectsOutcome, EffectsPlan } from "./effects-run.ts";
import { effectsRun } from "./effects-run.ts";

/** Repeat a run by its seed: `PERDURE_SEED=7 ava --config faults.config.js test/faults/effects.test.ts`. */
const seed = Number(process.env["PERDURE_SEED"] ?? Math.floor(Math.random() * 1_000_000));
console.log(`effects test: seed ${seed}`);

/** Most of a run is waiting for proxies to start, so several logs share the kills. */
const LANES = 4;

/** Most of a start is loading code, so the proxies are bundles. */
const folder = mkdtempSync(join(tmpdir(), "perdure-effects-"));
test.after.always(() => rmSync(folder, { recursive: true }));

test.before(async () => {
  await bundle(programOf("proxy").entry, join(folder, "proxy"));
  await bundle("test/faults/broken-proxy.ts", join(folder, "broken"));
});

test.serial("every effect has happened once after many kills of the proxy", async (t) => {
  t.timeout(600_000);
  const { wrong } = await inLanes(t, bySize({ full: 200, short: 12 }), sqliteLog);
  t.deepEqual(wrong, []);
});

natsSerialTest("the same on JetStream, after a few kills", async (t) => {
  t.timeout(180_000);
  const server = await startNatsServer();
  t.teardown(() => server.stop());
  const { wrong } = await inLanes(t, bySize({ full: 20, short: 4 }), (lane) => `${server.url}/lane${lane}`);
  t.deepEqual(wrong, []);
});

// These show that the tests above would notice.

test.serial("a proxy that carries out nothing a second time loses effects", async (t) => {
  t.timeout(180_000);
  const { wrong } = await inLanes(t, bySize({ full: 24, short: 12 }), sqliteLog, "forgetful");
  const lost = wrong.filter(({ ordered, taken, billed }) => taken < ordered || billed < ordered);
  t.true(lost.length > 0);
  t.deepEqual(
    wrong.filter(({ ordered, taken, billed }) => taken > ordered || billed > ordered),
    [],
  );
});

test.serial("a proxy that does so without idempotency keys has them happen twice", async (t) => {
  t.timeout(180_000);
  const { wrong } = await inLanes(t, bySize({ full: 24, short: 12 }), sqliteLog, "keyless");
  t.true(wrong.some(({ ordered, taken, billed }) => taken > ordered || billed > ordered));
});

type AddressOf = (lane: number, t: ExecutionContext) => string;

const sqliteLog: AddressOf = (_lane, t) => `sqlite:${join(temporaryFolder(t), "log.db")}`;

async function inLanes(
  t: ExecutionContext,
  kills: number,
  address: AddressOf,
  broken?: string,
): Promise<Pick<EffectsOutcome, "wrong">> {
  const startedMs = performance.now();
  const plans = Array.from({ length: LANES }, (_, lane): EffectsPlan => {
    const program =
      broken === undefined
        ? { main: join(folder, "proxy", "main.mjs"), args: [] }
        : { main: join(folder, "broken", "main.mjs"), args: [broken] };
    return { seed: seed + lane, kills: kills / LANES, address: address(lane, t), program };
  });
  const outcomes = await Promise.all(plans.map((plan) => effectsRun(t, plan)));
  const sum = (what: (outcome: EffectsOutcome) => number) =>
    outcomes.reduce((total, outcome) => total + what(outcome), 0);
  t.log(
    `${kills} kills, ${sum(({ acknowledged }) => acknowledged)} orders acknowledged, ` +
      `${sum(({ placed }) => placed)} stored, ${sum(({ again }) => again)} effects carried out again, seed ${seed}, ` +
      `${((performance.now() - startedMs) / 1000).toFixed(1)} s`,
  );
  if (broken === undefined) {
    t.true(sum(({ again }) => again) > 0);
    const unmarked = outcomes.flatMap((outcome) => outcome.unmarked);
    t.deepEqual(unmarked, []);
  }
  return { wrong: outcomes.flatMap(({ wrong }) => wrong) };
}
