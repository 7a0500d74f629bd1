// SPDX-License-Identifier: Apache-2.0

import { Histogram } from "../histogram.ts";
import type { Job, Load } from "../messages.ts";
import type { Caller } from "./client.ts";

/** The clocks that are read while callers run. */
export interface Meter {
  /** Monotonic time, in milliseconds. */
  nowMs(): number;
  /** Processor time of this process so far, in microseconds. */
  cpuUs(): number;
}

export const processMeter: Meter = {
  nowMs: () => performance.now(),
  cpuUs: () => {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
};

/** Runs the callers of a job to its end. Rejects with the error of the first call that fails. */
export function runCallers(client: Caller, job: Job, meter: Meter): Promise<Load> {
  const { until } = job;
  return until.kind === "time"
    ? runForTime(client, job, until, meter)
    : runForCalls(client, job, until, meter);
}

async function runForTime(
  client: Caller,
  job: Job,
  { warmUpMs, measureMs }: Extract<Job["until"], { kind: "time" }>,
  meter: Meter,
): Promise<Load> {
  const histogram = new Histogram();
  const beginMs = meter.nowMs() + warmUpMs;
  const endMs = beginMs + measureMs;
  // Processor time when the first caller reaches the beginning, and the end, of the measured time.
  let cpuBeginUs: number | undefined;
  let cpuEndUs: number | undefined;
  await everyCaller(job, async (caller, entities) => {
    for (let i = 0; entities.length > 0; i++) {
      const startedMs = meter.nowMs();
      if (startedMs >= beginMs) cpuBeginUs ??= meter.cpuUs();
      if (startedMs >= endMs) {
        cpuEndUs ??= meter.cpuUs();
        return;
      }
      await client.call(caller, entities[i % entities.length] ?? 0);
      const doneMs = meter.nowMs();
      if (startedMs >= beginMs && doneMs <= endMs) histogram.record((doneMs - startedMs) * 1_000);
    }
  });
  return toLoad(histogram, measureMs, (cpuEndUs ?? 0) - (cpuBeginUs ?? 0));
}

async function runForCalls(
  client: Caller,
  job: Job,
  { perEntity }: Extract<Job["until"], { kind: "calls" }>,
  meter: Meter,
): Promise<Load> {
  const histogram = new Histogram();
  const beginMs = meter.nowMs();
  const cpuBeginUs = meter.cpuUs();
  await everyCaller(job, async (caller, entities) => {
    for (let i = 0; i < perEntity * entities.length; i++) {
      const startedMs = meter.nowMs();
      await client.call(caller, entities[i % entities.length] ?? 0);
      histogram.record((meter.nowMs() - startedMs) * 1_000);
    }
  });
  return toLoad(histogram, meter.nowMs() - beginMs, meter.cpuUs() - cpuBeginUs);
}

async function everyCaller(
  { callers, entities }: Job,
  run: (caller: number, entities: readonly number[]) => Promise<void>,
): Promise<void> {
  await Promise.all(
    Array.from({ length: callers }, (_, caller) => run(caller, shareOf(caller, callers, entities))),
  );
}

/** The entities of one caller: every entity has exactly one caller, and the shares differ by one at most. */
export function shareOf(caller: number, callers: number, entities: readonly number[]): number[] {
  const share: number[] = [];
  for (let i = caller; i < entities.length; i += callers) share.push(entities[i] ?? 0);
  return share;
}

function toLoad(histogram: Histogram, elapsedMs: number, cpuUs: number): Load {
  return {
    calls: histogram.count,
    p50Us: histogram.quantileUs(0.5),
    p99Us: histogram.quantileUs(0.99),
    perSecond: (histogram.count * 1_000) / elapsedMs,
    perCpuSecond: (histogram.count * 1_000_000) / cpuUs,
  };
}
