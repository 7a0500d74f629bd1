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
  readonly endUs: number;
  readonly shards: ReadonlySet<number>;
}

/** How long requests took, in milliseconds. */
export interface Pauses {
  /** Before anything moved: 99 of 100 took at most so long. */
  readonly steadyP99Ms: number;
  /** Requests for shards that moved, while they did: how many, 99 of 100, and the longest. */
  readonly requests: number;
  readonly movingP99Ms: number;
  readonly longestMs: number;
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
  return { beginUs, endUs: monotonicUs(), shards: new Set(moved.map(({ shard }) => shard)) };
}

/** Undefined if nothing moved. */
export function pausesOf(operations: readonly Operation[], moves: readonly Move[]): Pauses | undefined {
  const [first] = moves;
  const startUs = (operations[0]?.callUs ?? 0) + WARM_UP_US;
  if (first === undefined) return undefined;
  const steady: number[] = [];
  const moving: number[] = [];
  for (const { entity, callUs, outcome } of operations) {
    if (outcome.kind !== "returned") continue;
    const { returnUs } = outcome;
    const tookMs = (returnUs - callUs) / 1_000;
    if (callUs >= startUs && returnUs < first.beginUs) steady.push(tookMs);
    const shard = shardOf(CART_TYPE, entity);
    const isMoving = moves.some(
      ({ beginUs, endUs, shards }) => callUs < endUs && returnUs > beginUs && shards.has(shard),
    );
    if (isMoving) moving.push(tookMs);
  }
  if (steady.length === 0 || moving.length === 0) return undefined;
  return {
    steadyP99Ms: quantile(steady, 0.99),
    requests: moving.length,
    movingP99Ms: quantile(moving, 0.99),
    longestMs: Math.max(...moving),
    moves: moves.reduce((sum, { shards }) => sum + shards.size, 0),
  };
}

/** What is too long, if shards may keep requests waiting for so much longer than usual. */
export function tooLong(pauses: Pauses, mostMs: number): string[] {
  const { steadyP99Ms, movingP99Ms } = pauses;
  if (movingP99Ms <= steadyP99Ms + mostMs) return [];
  return [`${pausesText(pauses)}, which is more than ${mostMs} ms longer`];
}

export function pausesText({ steadyP99Ms, movingP99Ms, requests, longestMs, moves }: Pauses): string {
  const ms = (time: number): string => `${time.toFixed(1)} ms`;
  return (
    `p99 ${ms(steadyP99Ms)} before anything moved, ${ms(movingP99Ms)} of the ${requests} requests for moving shards ` +
    `(longest ${ms(longestMs)}), of which there were ${moves}`
  );
}
