// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import { openNatsPlace } from "../servers.ts";
import type { Look, Pod } from "./pod.ts";
import { lookAt, startPod, untilSettled } from "./pod.ts";
import type { PodFigure } from "./pods-report.ts";
import type { PodsSettings } from "./settings.ts";

const STARTS = 9;
/** Of so many looks the quickest is used, because nobody knows when within it the pod looked at its clock. */
const LOOKS = 5;
const CLAIM_BUDGET_MS = 30;

/**
 * The time in which a pod that nobody is beside takes all shards when it starts: from when it is a member until it owns
 * the last one. At the first start ever of a service it waits until nobody can own them; later starts find them free.
 */
export async function measureClaim({ folder, quick, say }: PodsSettings): Promise<PodFigure[]> {
  await using place = await openNatsPlace("nats", join(folder, "claim"));
  const starts = quick ? 1 : STARTS;
  const timesMs: number[] = [];
  let firstMs = 0;
  for (let number = 0; number <= starts; number++) {
    say(`claim ${number} of ${starts}`);
    await using stack = new AsyncDisposableStack();
    const pod = await startPod({ place, service: "claim", name: "pod-1" }, stack);
    await untilSettled([pod]);
    const claimedMs = (await lastOwnedMs(pod)) - joinedMs(pod);
    if (number === 0) firstMs = claimedMs;
    else timesMs.push(claimedMs);
    await pod.stop();
  }
  return [
    {
      what: "a lone pod starts and claims all shards",
      values: timesMs,
      unit: "ms",
      budget: CLAIM_BUDGET_MS,
    },
    { what: "the same at the first start ever", values: [firstMs], unit: "ms" },
  ];
}

/** When it became a member, in milliseconds of the wall clock. */
export function joinedMs({ name, proxy }: Pod): number {
  const atMs = proxy.saidMs.get("cluster: joined");
  if (atMs === undefined) throw new Error(`${name} has not said that it has joined`);
  return atMs;
}

/** When a settled pod took the last of its shards, in milliseconds of the wall clock. */
export async function lastOwnedMs(pod: Pod): Promise<number> {
  let [best, leastMs]: [Look | undefined, number] = [undefined, Number.POSITIVE_INFINITY];
  for (let number = 0; number < LOOKS; number++) {
    const startMs = performance.now();
    const look = await lookAt(pod);
    const tookMs = performance.now() - startMs;
    if (tookMs < leastMs) [best, leastMs] = [look, tookMs];
  }
  const { self, shards = [], atMs = 0 } = best ?? {};
  const own = shards.filter(({ owner }) => owner === self);
  return atMs - Math.min(...own.map(({ ownedForMs = 0 }) => ownedForMs));
}
