// SPDX-License-Identifier: Apache-2.0

// Real proxies without one of their safeguards, to show that the faults are such that each is needed, and that what is
// checked shows it. `test/simulation` leaves out the same.

import { join } from "node:path";

import type { ExecutionContext } from "ava";
import test from "ava";

import { findChecker, findings } from "../lib/linearizability/checker.ts";
import { natsSerialTest } from "../lib/nats/nats-test.ts";
import { clusterRound } from "./cluster-round.ts";
import type { Fault } from "./plan.ts";
import type { RoundOutcome } from "./round.ts";

const checker = await findChecker();
if (checker.kind === "missing") console.log(`tests of what callers see skipped: ${checker.reason}`);

/** For tests that need the checker of linearizability. */
const judgedTest = checker.kind === "built" ? natsSerialTest : test.serial.skip;

/** So long an append waits before it begins, so that what happens to a proxy finds some under way. */
const LINGER_MS = 150;

const mutant = (name: string, lingerMs = 0) => ({
  program: { main: join(import.meta.dirname, "mutant-proxy.ts"), args: [name, `${lingerMs}`] },
});

/** Longer than a proxy may be without a renewal. When it goes on, others have its shards. */
const PAUSES: readonly Fault[] = [0, 1].map((victim) => ({ kind: "stop proxy", victim, holdMs: 8_000 }));

/** Each is cut off from NATS while its callers still reach it, until others have long taken its shards. */
const CUTS: readonly Fault[] = [0, 1, 2].map((victim) => ({ kind: "refuse", victim, holdMs: 4_000 }));

/** Nothing leaves memory by itself, and a proxy that is cut off believes for long that it is a member. */
const KEEPS = { plan: { passivationMs: 30_000, memberTtlMs: 10_000 } };

/** What the checker of linearizability finds. */
function stale({ linearizability }: RoundOutcome): string | undefined {
  return findings(linearizability).find((text) => text.includes("not linearizable"));
}

/** Whether something meets old state is a matter of moments, so a round in which nothing does is repeated. */
const MOST_ROUNDS = 3;

async function becomesStale(t: ExecutionContext, round: () => Promise<RoundOutcome>): Promise<void> {
  let found: string | undefined;
  for (let tries = 0; tries < MOST_ROUNDS && found === undefined; tries++) found = stale(await round());
  t.log(found ?? "all histories are linearizable");
  t.regex(found ?? "", /not linearizable/);
}

/** How many appends the fence has refused. */
function refused({ output }: RoundOutcome): number {
  return output.filter((line) => line === "the fence refuses an append").length;
}

natsSerialTest(
  "with all of them, what a paused proxy still sends is refused, and nothing is wrong",
  async (t) => {
    const outcome = await clusterRound(t, PAUSES, mutant("none", LINGER_MS));
    t.deepEqual(outcome.violations, []);
    // That some are is sure only where a test waits for each step (`paused-owner.test.ts`).
    t.log(`the fence has refused ${refused(outcome)} appends`);
  },
);

natsSerialTest("without the fence (I3) a paused proxy stores what follows nothing", async (t) => {
  let gap: string | undefined;
  for (let tries = 0; tries < MOST_ROUNDS && gap === undefined; tries++) {
    const { violations } = await clusterRound(t, PAUSES, mutant("fence", LINGER_MS));
    gap = violations.find((text) => text.includes("gap: "));
  }
  t.log(gap ?? "no gap");
  t.truthy(gap);
});

natsSerialTest("without the output gate (I1) what was answered is lost", async (t) => {
  const kills: readonly Fault[] = [0, 1].map((victim) => ({ kind: "kill proxy", victim }));
  const outcome = await clusterRound(t, kills, mutant("output-gate"));
  t.log(`${outcome.violations.length} violations, as ${stale(outcome)}`);
  t.true(outcome.violations.some((text) => text.includes("lost: ")));
  if (checker.kind === "built") t.regex(stale(outcome) ?? "", /not linearizable/);
});

judgedTest("without the lease (I8) a proxy that is cut off answers from old state", async (t) => {
  await becomesStale(t, () => clusterRound(t, CUTS, { ...mutant("i8"), ...KEEPS }));
});

judgedTest("without the epoch a proxy that has its shards again answers from old state", async (t) => {
  await becomesStale(t, () => clusterRound(t, CUTS, { ...mutant("epoch"), ...KEEPS }));
});

natsSerialTest("of the epoch's two halves, one holds what the other lets through", async (t) => {
  const outcome = await clusterRound(t, CUTS, { ...mutant("epoch-of-answers"), ...KEEPS });
  t.deepEqual(outcome.violations, []);
});

/** Nothing goes wrong here, so every request must be answered well. */
const CALM = {
  scenario: "rolling",
  proxies: 3,
  entities: 300,
  perSecond: 200,
  passivationMs: 30_000,
  patienceMs: 60_000,
} as const;
const REPLACED: readonly Fault[] = [0, 1].map((victim) => ({ kind: "replace proxy", victim, downMs: 0 }));

natsSerialTest("with the hold no command fails in a handoff (I9)", async (t) => {
  const outcome = await clusterRound(t, REPLACED, { ...mutant("none", LINGER_MS), plan: CALM });
  t.deepEqual(outcome.violations, []);
});

natsSerialTest("without the hold commands fail that are open in a handoff", async (t) => {
  const { violations } = await clusterRound(t, REPLACED, { ...mutant("hold", LINGER_MS), plan: CALM });
  t.log(`${violations.length} violations, as ${violations[0]}`);
  t.true(violations.some((text) => text.includes("ANSWER_WITHHELD")));
});
