// SPDX-License-Identifier: Apache-2.0

import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";

import type { Caller } from "./calls.ts";

/** Interval between two probes, and time-out of each, in milliseconds. */
const INTERVAL_MS = 250;
const PROBE_TIMEOUT_MS = 1_000;

export interface ProbeResult {
  readonly count: number;
  /** Not answered well within the time-out. */
  readonly failed: number;
  /** The longest time of the probes that were answered. */
  readonly maxMs: number;
  /** Why the last one failed. */
  readonly problem: string | undefined;
}

export interface Probe {
  readonly name: string;
  stop(): Promise<ProbeResult>;
}

/** Asks again and again, each time on a new connection, as Kubernetes does. */
export function startProbe(name: string, caller: Caller): Probe {
  const end = new AbortController();
  const result = { count: 0, failed: 0, maxMs: 0, problem: undefined as string | undefined };

  const ask = async (): Promise<void> => {
    const startMs = performance.now();
    const timeout = AbortSignal.timeout(PROBE_TIMEOUT_MS);
    try {
      await caller.call(AbortSignal.any([end.signal, timeout]));
      result.maxMs = Math.max(result.maxMs, performance.now() - startMs);
    } catch (error) {
      if (end.signal.aborted) return;
      result.failed++;
      result.problem = timeout.aborted ? "no answer in time" : (error as Error).message;
    } finally {
      caller.hangUp();
    }
    result.count++;
  };
  const run = async (): Promise<void> => {
    while (!end.signal.aborted) {
      await ask();
      await delay(INTERVAL_MS, undefined, { signal: end.signal }).catch(() => undefined);
    }
  };
  const running = run();
  return {
    name,
    async stop() {
      end.abort();
      await running;
      return result;
    },
  };
}
