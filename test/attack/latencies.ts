// SPDX-License-Identifier: Apache-2.0

/** What a caller saw of its calls. A call that failed took for ever. */
export interface Latencies {
  readonly count: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Summarizes the times of calls, in milliseconds. `Infinity` is a failed call. */
export function summarize(timesMs: readonly number[]): Latencies {
  const sorted = [...timesMs].sort((a, b) => a - b);
  return {
    count: sorted.length,
    failed: sorted.filter((ms) => ms === Number.POSITIVE_INFINITY).length,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    maxMs: sorted.at(-1) ?? Number.NaN,
  };
}

/** The least time within which this part of the calls was answered. */
function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN;
}
