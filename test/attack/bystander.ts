// SPDX-License-Identifier: Apache-2.0

/**
 * A caller who does nothing wrong, and whose calls are timed.
 *
 * 1. It makes one call after the other, each not before its turn, which comes every `PACE_MS`.
 * 2. A call is timed from its turn, not from when it could begin: while one is answered late, those whose turn comes
 *    meanwhile are late as well. Otherwise a proxy that stands still for seconds would cost one call.
 * 3. A call that fails counts as one that took for ever. One that is under way at the end counts with its time so far.
 * 4. It keeps its connection for some calls and then makes a new one, so that both are timed.
 */

import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";

import type { Caller } from "./calls.ts";
import { summarize } from "./latencies.ts";
import type { Latencies } from "./latencies.ts";

const PACE_MS = 20;
const CALLS_PER_CONNECTION = 25;
/** After so long a call has failed, in milliseconds. */
const PATIENCE_MS = 5_000;

/** A caller at work. */
export interface Bystander {
  readonly name: string;
  /** Ends its calls and tells what they took. */
  stop(): Promise<Latencies>;
}

export function startBystander(name: string, caller: Caller): Bystander {
  const timesMs: number[] = [];
  const end = new AbortController();
  const startMs = performance.now();
  const turnMs = (call: number): number => startMs + call * PACE_MS;

  const run = async (): Promise<void> => {
    for (let call = 0; !end.signal.aborted; call++) {
      const waitMs = turnMs(call) - performance.now();
      if (waitMs > 0) await delay(waitMs, undefined, { signal: end.signal }).catch(() => undefined);
      if (end.signal.aborted) return;
      if (call % CALLS_PER_CONNECTION === 0) caller.hangUp();
      const isGood = await caller
        .call(AbortSignal.any([end.signal, AbortSignal.timeout(PATIENCE_MS)]))
        .then(() => true)
        .catch(() => false);
      if (!isGood) caller.hangUp();
      const isCut = end.signal.aborted && !isGood;
      timesMs.push(isGood || isCut ? performance.now() - turnMs(call) : Number.POSITIVE_INFINITY);
    }
  };
  const running = run();

  return {
    name,
    async stop() {
      end.abort();
      await running;
      caller.hangUp();
      for (let turn = turnMs(timesMs.length); turn < performance.now(); turn += PACE_MS)
        timesMs.push(performance.now() - turn);
      return summarize(timesMs);
    },
  };
}
