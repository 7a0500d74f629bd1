// SPDX-License-Identifier: Apache-2.0

import { quantile } from "simple-statistics";

import { shardOf } from "../../pkg/base/mod.ts";

import { CART_TYPE } from "../lib/carts.ts";
import type { Operation } from "../lib/history.ts";
import { monotonicUs } from "../lib/history.ts";
import { untilSettled } from "./settled.ts";
import type { World } from "./world.ts";

/** A time on the clock of the history. */
interface Span {
  readonly fromUs: number;
  readonly toUs: number;
}

/** How a proxy was replaced, and the shards that moved for that. */
export interface Move {
  /** From when it was told to end until it had given its shards to others, and ended. */
  readonly leaving: Span;
  /** From then until its successor had joined. No shard moves, but a program starts. */
  readonly starting: Span;
  /** From then until the successor had the last of its shards. */
  readonly coming: Span;
  readonly shards: ReadonlySet<number>;
}

/** How long requests took, in milliseconds: 99 of 100 at most so long. */
interface Times {
  readonly requests: number;
  readonly p99Ms: number;
  readonly longestMs: number;
}

export interface Pauses {
  /** Before anything moved, and how many there were in a second. */
  readonly steady: Times;
  readonly perSecond: number;
  /** For shards that moved, while a proxy left, and while one came. */
  readonly leaving: Times;
  readonly coming: Times;
  /** For other shards in both of these times, which wait too if the machine has more to do. */
  readonly staying: Times;
  /** For all shards while the machine started a proxy, and none moved. */
  readonly starting: Times;
  /** How often a shard moved. */
  readonly moves: number;
}

/** What is left out at the beginning, because programs that have just started are slow. */
const WARM_UP_US = 3_000_000;

/** Replaces a proxy, and finds out when which shards moved. */
export async function whileMoving(world: World, replace: () => Promise<void>): Promise<Move> {
  const before = await untilSettled(world.proxies);
  const beginUs = monotonicUs();
  await replace();
  const after = await untilSettled(world.proxies);
  const nowUs = monotonicUs();
  const moved = after.shards.filter(({ epoch }, index) => epoch !== before.shards[index]?.epoch);
  const latest = (times: readonly number[]) => Math.max(beginUs, ...times);
  const goneUs = latest(world.proxies.map((proxy) => proxy.goneUs));
  const joinedUs = latest(world.proxies.map((proxy) => nowUs - 1_000 * (Date.now() - proxy.joinedMs)));
  return {
    leaving: { fromUs: beginUs, toUs: goneUs },
    starting: { fromUs: goneUs, toUs: joinedUs },
    coming: { fromUs: joinedUs, toUs: latest(moved.map(({ ownedForMs = 0 }) => nowUs - 1_000 * ownedForMs)) },
    shards: new Set(moved.map(({ shard }) => shard)),
  };
}

/** Undefined if nothing moved. */
export function pausesOf(operations: readonly Operation[], moves: readonly Move[]): Pauses | undefined {
  const [first] = moves;
  if (first === undefined) return undefined;
  const startUs = (operations[0]?.callUs ?? 0) + WARM_UP_US;
  const times: Record<Exclude<keyof Pauses, "moves" | "perSecond">, number[]> = {
    steady: [],
    leaving: [],
    coming: [],
    staying: [],
    starting: [],
  };
  for (const { entity, callUs, outcome } of operations) {
    if (outcome.kind !== "returned") continue;
    const { returnUs } = outcome;
    const tookMs = (returnUs - callUs) / 1_000;
    if (callUs >= startUs && returnUs < first.leaving.fromUs) times.steady.push(tookMs);
    const isIn = ({ fromUs, toUs }: Span): boolean => callUs < toUs && returnUs > fromUs;
    const moving = moves.find((move) => isIn(move.leaving) || isIn(move.coming));
    if (moving === undefined) {
      if (moves.some((move) => isIn(move.starting))) times.starting.push(tookMs);
    } else if (!moving.shards.has(shardOf(CART_TYPE, entity))) times.staying.push(tookMs);
    else (isIn(moving.leaving) ? times.leaving : times.coming).push(tookMs);
  }
  return {
    steady: timesOf(times.steady),
    perSecond: (times.steady.length * 1_000_000) / (first.leaving.fromUs - startUs),
    leaving: timesOf(times.leaving),
    coming: timesOf(times.coming),
    staying: timesOf(times.staying),
    starting: timesOf(times.starting),
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

export function pausesText({ steady, perSecond, leaving, coming, staying, starting, moves }: Pauses): string {
  const text = ({ requests, p99Ms, longestMs }: Times): string =>
    `${p99Ms.toFixed(1)} ms (${requests} requests, longest ${longestMs.toFixed(1)} ms)`;
  return (
    `${perSecond.toFixed(0)} requests a second; p99 before anything moved ${text(steady)}; of ${moves} moving shards while a proxy leaves ${text(leaving)}, ` +
    `while one comes ${text(coming)}, of others meanwhile ${text(staying)}; while a program starts ${text(starting)}`
  );
}
