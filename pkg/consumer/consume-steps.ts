// SPDX-License-Identifier: Apache-2.0

import type { BackoffOptions, Random } from "../base/mod.ts";
import { backoffMs } from "../base/mod.ts";
import type { Position } from "../eventlog/mod.ts";

/** How far a consumer has come in one partition. All that follows from it is decided here, without effects. */
export interface Place {
  /** Of the last record that was read. */
  readonly position: Position;
  /** Of the records that were read and are not settled, ascending. */
  readonly open: readonly Position[];
}

/** What follows a failure. */
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

/** The position to save: every record up to it is settled. */
export function settledUpTo({ position, open: [first] }: Place): Position {
  return first === undefined ? position : first - 1;
}

/** When the records read so far, and one more, would have been read at exactly the rate. */
export function dueAfter(dueMs: number, perSecond: number, nowMs: number): number {
  return Math.max(dueMs, nowMs) + 1_000 / perSecond;
}

/** How long the readers wait before the next record, in milliseconds. */
export function pauseMs(dueMs: number, perSecond: number, nowMs: number): number {
  const isAhead = (dueMs - nowMs) * perSecond >= 1_000 * Math.min(MAX_BURST, perSecond);
  return isAhead ? dueMs - nowMs : 0;
}

/** @param failures those in a row, with this one. */
export function afterFailure(failures: number, isLast: boolean, random: Random): FailureStep {
  if (isLast) return { kind: "give-up" };
  return { kind: "retry", failures, delayMs: backoffMs(failures, BACKOFF, random) };
}
