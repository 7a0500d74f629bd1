// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import type { ExecutionContext } from "ava";
import test from "ava";

import { bySize } from "../../lib/by-size.ts";
import { describeAccount } from "./lib/account.ts";
import { createCart, STATEFUL } from "./lib/cart-service.ts";
import { kn, kubectl } from "./lib/command-line.ts";
import type { Owners } from "./lib/owners.ts";
import { untilSettled } from "./lib/owners.ts";
import { evict, untilPods } from "./lib/pods.ts";
import type { ReadingOutcome } from "./lib/reading-load.ts";
import { startReadingLoad } from "./lib/reading-load.ts";

// One service with three pods, under one load from its beginning to its end: making a service for each part of the test
// would take longer than the parts.

const NAME = "several";
const PODS = 3;
const PER_SECOND = 200;
const CARTS = 1_000;
/** How long traffic stays divided in the same way. */
const SPLIT_MS = bySize({ full: 60_000, short: 5_000 });

/** Of the shards, by which a revision's part may differ from its share; they are divided by hashes. */
const TOLERANCE = 0.06;
const SHARDS = 1_024;

/** Of a phase, to be shown. */
const MAX_FAILURES = 10;

/** Something that was done under load, and when. */
interface Phase {
  readonly name: string;
  readonly startMs: number;
}

const revision = (number: number): string => `${NAME}-0000${number}`;

const SETTINGS = [
  ...STATEFUL,
  "--scale-min",
  String(PODS),
  "--scale-max",
  String(PODS),
  // Old revisions, which have no traffic any more, end soon.
  "--scale-window",
  "6s",
  // Twelve pods are there for a while, on two processors.
  "--annotation",
  "perdure.dev/proxy-cpu=20m",
];

test.serial(
  "updates, scaling, evictions and split traffic: no command fails, and no read is old",
  async (t) => {
    const cart = await createCart(t, NAME, SETTINGS);
    await untilPods(NAME, revision(1), PODS);
    const phases: Phase[] = [];
    const load = startReadingLoad(cart, PER_SECOND, CARTS);
    let outcome: ReadingOutcome;
    try {
      await comeAndGo(phases);
      await split(t, phases);
    } finally {
      outcome = await load.stop();
      describe(t, outcome, phases);
    }
    await judge(t, outcome);
  },
);

async function during(phases: Phase[], name: string, work: () => Promise<unknown>): Promise<void> {
  phases.push({ name, startMs: performance.now() });
  await work();
}

function update(...args: readonly string[]): Promise<string> {
  return kn("service", "update", NAME, ...args);
}

/** Revision 1 is replaced by 2, of which single pods come and go. */
async function comeAndGo(phases: Phase[]): Promise<void> {
  const ready = () => untilPods(NAME, revision(2), PODS);
  await during(phases, "nothing", () => delay(5_000));
  await during(phases, "update", () => update("--env", "ROUND=2"));
  await during(phases, "scale", async () => {
    await kubectl("scale", "deployment", `${revision(2)}-deployment`, "--replicas", String(PODS + 2));
    // Knative's autoscaler takes them away again.
    await ready();
  });
  await during(phases, "evictions", async () => {
    for (const pod of await ready()) {
      await evict(pod);
      await ready();
    }
  });
}

/** Revision 2 shares the traffic with 3, and then with 4. */
async function split(t: ExecutionContext, phases: Phase[]): Promise<void> {
  const traffic = (old: number, latest: number) => {
    return ["--traffic", `${revision(2)}=${old}`, "--traffic", `@latest=${latest}`];
  };
  const replaced = (old: number, latest: number) =>
    Promise.all([untilPods(NAME, revision(old), 0), untilPods(NAME, revision(latest), PODS)]);
  await during(phases, "two revisions", async () => {
    await update("--env", "ROUND=3", ...traffic(50, 50));
    await replaced(1, 3);
  });
  await during(phases, "50/50", () => staysDivided(t, { [revision(2)]: 0.5, [revision(3)]: 0.5 }));
  await during(phases, "another share", async () => {
    // The other revision has 100, which is nine times as much.
    await update("--annotation-revision", "perdure.dev/traffic-share=11", ...traffic(90, 10));
    await replaced(3, 4);
  });
  await during(phases, "90/10", () => staysDivided(t, { [revision(2)]: 0.9, [revision(4)]: 0.1 }));
}

/**
 * Lets the split last, and looks whether each shard has the owner that it had at its beginning. An owner that changed
 * meanwhile, and back, would have another epoch.
 */
async function staysDivided(t: ExecutionContext, shares: Readonly<Record<string, number>>): Promise<void> {
  const before = await untilSettled(NAME);
  await delay(SPLIT_MS);
  const after = await untilSettled(NAME);
  t.log(`shards by revision: ${JSON.stringify(after.byRevision)}`);
  t.deepEqual(movedShards(before, after), [], "no shard moved");
  t.deepEqual(Object.keys(after.byRevision).sort(), Object.keys(shares).sort());
  for (const [revision, share] of Object.entries(shares)) {
    const part = (after.byRevision[revision] ?? 0) / SHARDS;
    t.true(Math.abs(part - share) < TOLERANCE, `${revision} has ${part} of the shards`);
  }
}

function movedShards(before: Owners, after: Owners): readonly string[] {
  return after.shards.flatMap((owner, shard) => {
    const old = before.shards[shard];
    return owner === old ? [] : [`${shard}: ${old} → ${owner}`];
  });
}

/** What happened in each phase. */
function describe(t: ExecutionContext, { sent, reads }: ReadingOutcome, phases: readonly Phase[]): void {
  for (const [index, { name, startMs }] of phases.entries()) {
    const endMs = phases[index + 1]?.startMs ?? Number.POSITIVE_INFINITY;
    const isIn = ({ sentMs }: { readonly sentMs: number }): boolean => sentMs >= startMs && sentMs < endMs;
    const additions = sent.filter(isIn);
    const tookMs = additions.map(({ sentMs, answeredMs }) => answeredMs - sentMs).sort((a, b) => a - b);
    const failures = [...additions, ...reads.filter(isIn)].flatMap(({ sentMs, failure }) => {
      return failure === undefined ? [] : [`after ${((sentMs - startMs) / 1_000).toFixed(1)} s: ${failure}`];
    });
    const [median, slowest] = [tookMs[Math.floor(tookMs.length / 2)] ?? 0, tookMs.at(-1) ?? 0];
    const times = `median ${Math.round(median)} ms, slowest ${Math.round(slowest)} ms`;
    t.log(`${name}: ${additions.length} additions, ${times}`, ...failures.slice(0, MAX_FAILURES));
  }
}

async function judge(t: ExecutionContext, { account, reads }: ReadingOutcome): Promise<void> {
  const found = await account();
  t.log(describeAccount(found));
  t.log(`${reads.length} reads`);
  t.like(found, { failed: 0, lost: [], doubled: [], foreign: [] });
  const failed = reads.flatMap(({ failure }) => failure ?? []);
  t.deepEqual(failed, [], "no read failed");
  t.is(reads.length, found.acknowledged);
  const stale = reads.flatMap(({ missing }) => (missing.length > 0 ? [missing] : []));
  t.deepEqual(stale, [], "no read is old");
}
