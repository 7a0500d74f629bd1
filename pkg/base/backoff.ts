// SPDX-License-Identifier: Apache-2.0

import type { Random } from "./random.ts";

export interface BackoffOptions {
  /** Delay after the first failure, in milliseconds. */
  readonly minMs: number;
  /** No delay is longer than this (before jitter), in milliseconds. */
  readonly maxMs: number;
  /** Up to this fraction is added or taken away at random, so that many waiters do not come back together. */
  readonly jitter: number;
}

/** Delay in milliseconds before try `attempt` + 1: `min(maxMs, minMs * 2^(attempt - 1)) * (1 ± jitter)`. */
export function backoffMs(attempt: number, options: BackoffOptions, random: Random): number {
  const exponent = Math.min(Math.max(attempt, 1) - 1, 30);
  const base = Math.min(options.maxMs, options.minMs * 2 ** exponent);
  return base * (1 + options.jitter * (2 * random() - 1));
}
