// SPDX-License-Identifier: Apache-2.0

import { quantile } from "simple-statistics";

import { shardOf } from "../../pkg/base/mod.ts";

import { CART_TYPE } from "../lib/carts.ts";
import type { Operation } from "../lib/history.ts";
import { monotonicUs } from "../lib/history.ts";
import { untilSettled } from "./settled.ts";
import type { World } from "./world.ts";

/** A time in which shards moved to other proxies, on the clock of the history. */
interface Move {
  readonly beginUs: number;
  /** When the proxy that left had ended. Later another one came. */
  readonly goneUs: number;
  readonly endUs: number;
  readonly shards: ReadonlySet<number>;
}

/** How long requests took, in milliseconds: 99 of 100 at most so long. */
interface Times {
  readonly requests: number;
  readonly p99Ms: number;
  readonly longestMs: number;
}

export interface Pauses {
  /** Before anything moved. */
  readonly steady: Times;
  /** For shards that moved, while a proxy left, and while one came. */
  readonly leaving: Times;
  readonly coming: Times;
  /** For other shards meanwhile, which have to wait too while the machine starts programs. */
  readonly staying: Times;
  /** How often a shard moved. */
  readonly moves: number;
}

/** What is left out at the beginning, because programs that have just started are slow. */
const WARM_UP_US = 3_000_000;

/** Does what moves shards, and finds out which they were. */
export async function whileMoving(world: World, work: () => Promise<void>): Promise<Move> {
  const before = await untilSettled(world.proxies);
  const beginUs = monotonicUs();
  await work();
  const after = await untilSettled(world.proxies);
  const moved = after.shards.filter(({ epoch }, index) => epoch !== before.shards[index]?.epoch);
  const goneUs = Math.max(...world.proxies.map((proxy) => proxy.goneUs));
  return { beginUs, goneUs, endUs: monotonicUs(), shards: new Set(moved.map(({ shard }) => shard)) };
}

/** Undefined if nothing moved. */
export function pausesOf(operations: readonly Operation[], moves: readonly Move[]): Pauses | undefined {
  const [first] = moves;
  if (first === undefined) return undefined;
  const startUs = (operations[0]?.callUs ?? 0) + WARM_UP_US;
  const [steady, leaving, coming, staying]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (const { entity, callUs, outcome } of operations) {
    if (outcome.kind !== "returned") continue;
    const { returnUs } = outcome;
    const tookMs = (returnUs - callUs) / 1_000;
    if (callUs >= startUs && returnUs < first.beginUs) steady.push(tookMs);
    const meanwhile = moves.find(({ beginUs, endUs }) => callUs < endUs && returnUs > beginUs);
    if (meanwhile === undefined) continue;
    if (!meanwhile.shards.has(shardOf(CART_TYPE, entity))) staying.push(tookMs);
    else (callUs < meanwhile.goneUs ? leaving : coming).push(tookMs);
  }
  return {
    steady: timesOf(steady),
    leaving: timesOf(leaving),
    coming: timesOf(coming),
    staying: timesOf(staying),
    moves: moves.reduce((sum, { shards }) => sum + shards.size, 0),
  };
}

function timesOf(tookMs: readonly number[]): Times {
  if (tookMs.length === 0) return { requests: 0, p99Ms: 0, longestMs: 0 };
  return { requests: tookMs.length, p99Ms: quantile([...tookMs], 0.99), longestMs: Math.max(...tookMs) };
}

/** What is too long, if shards may keep requests waiting for so much longer than usual. */
export function tooLong(pauses: Pauses, mostMs: number): string[] {
  const { steady, leaving, coming } = pauses;
  if (Math.max(leaving.p99Ms, coming.p99Ms) <= steady.p99Ms + mostMs) return [];
  return [`moving shards keep requests waiting for more than ${mostMs} ms longer than usual`];
}

export function pausesText({ steady, leaving, coming, staying, moves }: Pauses): string {
  const text = ({ requests, p99Ms, longestMs }: Times): string =>
    `${p99Ms.toFixed(1)} ms (${requests} requests, longest ${longestMs.toFixed(1)} ms)`;
  return (
    `p99 before anything moved ${text(steady)}; of ${moves} moving shards while a proxy leaves ${text(leaving)}, ` +
    `while one comes ${text(coming)}, of others meanwhile ${text(staying)}`
  );
}
