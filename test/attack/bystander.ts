// SPDX-License-Identifier: Apache-2.0

/**
 * A well-behaved caller whose calls are timed.
 *
 * 1. It makes one call after the other. A call begins `PACE_MS` after the beginning of the previous one, or as soon
 *    as the previous one has ended if that takes longer.
 * 2. A late call also stands for the calls that would have begun and waited in the meantime: a call of 90 ms counts
 *    as 90, 70, 50, 30 and 10 ms. Otherwise a proxy that stands still for seconds would cost one call. (This is the
 *    correction for coordinated omission of Gil Tene's HdrHistogram, `recordWithExpectedInterval`.) Calls do not
 *    queue up, because then calls of 25 ms each would count as waits of 15 s after a minute.
 * 3. A failed call counts as one that took for ever, and so do the calls that it stands for. A call in progress at
 *    the end counts with its time so far.
 * 4. It keeps its connection for some calls and then makes a new one, so that both are timed.
 */

import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";

import type { Caller } from "./calls.ts";
import type { Latencies } from "./latencies.ts";
import { summarize } from "./latencies.ts";

const PACE_MS = 20;
const CALLS_PER_CONNECTION = 25;
/** Time-out of a call, in milliseconds. After it the call has failed. */
const PATIENCE_MS = 5_000;

/** A caller at work. */
export interface Bystander {
  readonly name: string;
  /** Ends its calls and returns their latencies. */
  stop(): Promise<Latencies>;
}

export function startBystander(name: string, caller: Caller): Bystander {
  const timesMs: number[] = [];
  const end = new AbortController();

  const run = async (): Promise<void> => {
    for (let call = 0; !end.signal.aborted; call++) {
      if (call % CALLS_PER_CONNECTION === 0) caller.hangUp();
      const startMs = performance.now();
      const isGood = await caller
        .call(AbortSignal.any([end.signal, AbortSignal.timeout(PATIENCE_MS)]))
        .then(() => true)
        .catch(() => false);
      const tookMs = performance.now() - startMs;
      if (!isGood) caller.hangUp();
      const isCut = end.signal.aborted && !isGood;
      timesMs.push(...waits(tookMs, isGood || isCut));
      const leftMs = PACE_MS - tookMs;
      if (leftMs > 0) await delay(leftMs, undefined, { signal: end.signal }).catch(() => undefined);
    }
  };
  const running = run();

  return {
    name,
    async stop() {
      end.abort();
      await running;
      caller.hangUp();
      return summarize(timesMs);
    },
  };
}

/** The times that a call counts as, including those of the calls it stands for (2, 3). */
function waits(tookMs: number, isGood: boolean): number[] {
  const count = Math.max(1, Math.ceil(tookMs / PACE_MS));
  return Array.from({ length: count }, (_, index) =>
    isGood ? tookMs - index * PACE_MS : Number.POSITIVE_INFINITY,
  );
}
