// SPDX-License-Identifier: Apache-2.0

import { Histogram } from "../histogram.ts";
import type { Load, LoadJob } from "../messages.ts";

import type { Client } from "./client.ts";

/**
 * Runs the callers of a job to its end. Rejects with the first call that was not answered well.
 *
 * @param nowMs Monotonic time.
 */
export function runCallers(client: Client, job: LoadJob, nowMs: () => number): Promise<Load> {
  const { until } = job;
  return until.kind === "time"
    ? runForTime(client, job, until, nowMs)
    : runForCalls(client, job, until, nowMs);
}

async function runForTime(
  client: Client,
  job: LoadJob,
  { warmUpMs, measureMs }: Extract<LoadJob["until"], { kind: "time" }>,
  nowMs: () => number,
): Promise<Load> {
  const histogram = new Histogram();
  const beginMs = nowMs() + warmUpMs;
  const endMs = beginMs + measureMs;
  await everyCaller(job, async (caller, entities) => {
    for (let i = 0; ; i++) {
      const startedMs = nowMs();
      if (startedMs >= endMs) return;
      await client.call(caller, entities[i % entities.length] ?? 0);
      const doneMs = nowMs();
      if (startedMs >= beginMs && doneMs <= endMs) histogram.record((doneMs - startedMs) * 1_000);
    }
  });
  return toLoad(histogram, measureMs);
}

async function runForCalls(
  client: Client,
  job: LoadJob,
  { perEntity }: Extract<LoadJob["until"], { kind: "calls" }>,
  nowMs: () => number,
): Promise<Load> {
  const histogram = new Histogram();
  const beginMs = nowMs();
  await everyCaller(job, async (caller, entities) => {
    for (let i = 0; i < perEntity * entities.length; i++) {
      const startedMs = nowMs();
      await client.call(caller, entities[i % entities.length] ?? 0);
      histogram.record((nowMs() - startedMs) * 1_000);
    }
  });
  return toLoad(histogram, nowMs() - beginMs);
}

async function everyCaller(
  { callers, firstEntity, entities }: LoadJob,
  run: (caller: number, entities: readonly number[]) => Promise<void>,
): Promise<void> {
  await Promise.all(
    Array.from({ length: callers }, (_, caller) =>
      run(caller, shareOf(caller, callers, firstEntity, entities)),
    ),
  );
}

/** The entities of one caller: every entity has exactly one caller, and the shares differ by one at most. */
export function shareOf(caller: number, callers: number, firstEntity: number, entities: number): number[] {
  const share: number[] = [];
  for (let i = caller; i < entities; i += callers) share.push(firstEntity + i);
  return share;
}

function toLoad(histogram: Histogram, elapsedMs: number): Load {
  return {
    calls: histogram.count,
    p50Us: histogram.quantileUs(0.5),
    p99Us: histogram.quantileUs(0.99),
    perSecond: (histogram.count * 1_000) / elapsedMs,
  };
}
