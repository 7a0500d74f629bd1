// SPDX-License-Identifier: Apache-2.0

import { createHistogram } from "node:perf_hooks";

import type { Entrance, Job, Load } from "./job.ts";

/** Makes calls to one port. As lean as possible, because it shares the processors with what it measures. */
export interface Client {
  /** One call for the caller of this number, which must have no other call in flight. Rejects if the call fails. */
  call(caller: number, entity: number): Promise<void>;
  close(): void;
}

/** The histogram counts tenths of a microsecond. */
const TICKS_PER_MS = 10_000;

/**
 * Runs the callers of a job to its end. Rejects with the error of the first call that fails.
 *
 * @param nowMs monotonic time, in milliseconds.
 */
export async function runCallers(client: Client, job: Job, nowMs: () => number): Promise<Load> {
  const { callers, until } = job;
  const perEntity = until.kind === "calls" ? until.perEntity : Number.POSITIVE_INFINITY;
  const beginMs = nowMs() + (until.kind === "time" ? until.warmUpMs : 0);
  const endMs = until.kind === "time" ? beginMs + until.measureMs : Number.POSITIVE_INFINITY;
  const histogram = createHistogram();
  let allCalls = 0;
  const runCaller = async (caller: number): Promise<void> => {
    const own = entitiesOf(caller, job);
    for (let i = 0; own.length > 0 && i < perEntity * own.length; i++) {
      const startedMs = nowMs();
      if (startedMs >= endMs) return;
      await client.call(caller, own[i % own.length] ?? 0);
      const doneMs = nowMs();
      allCalls++;
      if (startedMs >= beginMs && doneMs <= endMs)
        histogram.record(Math.max(1, Math.round((doneMs - startedMs) * TICKS_PER_MS)));
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, caller) => runCaller(caller)));
  const elapsedMs = until.kind === "time" ? until.measureMs : nowMs() - beginMs;
  return {
    calls: histogram.count,
    allCalls,
    p50Us: (histogram.percentile(50) / TICKS_PER_MS) * 1_000,
    p99Us: (histogram.percentile(99) / TICKS_PER_MS) * 1_000,
    perSecond: (histogram.count * 1_000) / elapsedMs,
  };
}

/** Which of a job's servers a caller calls, and as the how manieth of how many there. */
export interface Place {
  readonly entrance: Entrance;
  readonly index: number;
  readonly caller: number;
  readonly callers: number;
}

export function placeOf(caller: number, job: Pick<Job, keyof Entrance | "also" | "callers">): Place {
  const all: readonly Entrance[] = [job, ...(job.also ?? [])];
  const index = caller % all.length;
  const callers = Math.ceil((job.callers - index) / all.length);
  return { entrance: all[index] ?? job, index, caller: Math.floor(caller / all.length), callers };
}

function entitiesOf(caller: number, job: Job): number[] {
  const { entrance, ...place } = placeOf(caller, job);
  return shareOf(place.caller, place.callers, entrance.entities);
}

/** The entities of one caller: every entity has exactly one caller, and the shares differ by one at most. */
export function shareOf(caller: number, callers: number, entities: readonly number[]): number[] {
  return entities.filter((_, i) => i % callers === caller);
}
