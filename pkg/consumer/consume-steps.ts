// SPDX-License-Identifier: Apache-2.0

import type { BackoffOptions, Random } from "../base/mod.ts";
import { backoffMs } from "../base/mod.ts";
import type { Position } from "../eventlog/mod.ts";

/**
 * How far a consumer has come in one partition. The functions here decide what a consumer does next (`consume.ts` has
 * the numbers); they are pure.
 */
export interface Place {
  /** Of the last record that was read. */
  readonly position: Position;
  /** Of the records that were read and are not settled, ascending. */
  readonly open: readonly Position[];
}

export type FailureStep =
  | { readonly kind: "give-up" }
  | { readonly kind: "retry"; readonly failures: number; readonly delayMs: number };

const BACKOFF: BackoffOptions = { minMs: 100, maxMs: 10_000, jitter: 0.3 };

/** Records that are read without a pause; fewer if the rate is lower. */
const MAX_BURST = 256;

export function placeAt(position: Position): Place {
  return { position, open: [] };
}

export function afterRead({ open }: Place, position: Position): Place {
  return { position, open: [...open, position] };
}

export function afterSettled({ position, open }: Place, settled: Position): Place {
  return { position, open: open.filter((other) => other !== settled) };
}

/** The position to save (1): every record up to it is settled. */
export function settledUpTo({ position, open: [first] }: Place): Position {
  return first === undefined ? position : first - 1;
}

/**
 * Called for each record that is read: when the next one is due, if records are read at exactly this rate. Time in
 * which none was read is not made up for.
 */
export function dueAfter(dueMs: number, perSecond: number, nowMs: number): number {
  return Math.max(dueMs, nowMs) + 1_000 / perSecond;
}

/** How long to wait before the next record is read (3), in milliseconds. */
export function pauseMs(dueMs: number, perSecond: number, nowMs: number): number {
  const isAhead = (dueMs - nowMs) * perSecond >= 1_000 * Math.min(MAX_BURST, perSecond);
  return isAhead ? dueMs - nowMs : 0;
}

/** What follows the last of `failures` in a row (4, 5). @param isLast the consumer's policy says so. */
export function afterFailure(failures: number, isLast: boolean, random: Random): FailureStep {
  if (isLast) return { kind: "give-up" };
  return { kind: "retry", failures, delayMs: backoffMs(failures, BACKOFF, random) };
}
