// SPDX-License-Identifier: Apache-2.0

import type { Random } from "./random.ts";

export interface BackoffOptions {
  /** Delay after the first failure, in milliseconds. */
  readonly minMs: number;
  /** No delay is longer than this (before jitter), in milliseconds. */
  readonly maxMs: number;
  /** Factor from each delay to the next. Default 2. */
  readonly growth?: number;
  /** Largest fraction of a delay that is added or subtracted at random, so that many waiters do not retry at once. */
  readonly jitter: number;
}

/** Delay in milliseconds before try `attempt` + 1: `min(maxMs, minMs * growth^(attempt - 1)) * (1 ± jitter)`. */
export function backoffMs(attempt: number, options: BackoffOptions, random: Random): number {
  const { minMs, maxMs, growth = 2 } = options;
  // The exponent stops at 300, because the power must stay finite. By then any growth from 1.1 on has passed every
  // bound.
  const exponent = Math.min(Math.max(attempt, 1) - 1, 300);
  const base = Math.min(maxMs, minMs * growth ** exponent);
  return base * (1 + options.jitter * (2 * random() - 1));
}
