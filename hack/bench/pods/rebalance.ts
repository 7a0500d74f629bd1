// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import { SHARDS } from "../../../pkg/base/mod.ts";

import type { LoadCall } from "../loader/job.ts";
import { range } from "../loader/job.ts";
import type { LogPlace } from "../servers.ts";
import { openNatsPlace } from "../servers.ts";
import { joinedMs, lastOwnedMs } from "./claim.ts";
import type { Pod } from "./pod.ts";
import { startPod, untilSettled } from "./pod.ts";
import type { PodFigure } from "./pods-report.ts";
import type { PodsSettings } from "./settings.ts";

const WARM_ENTITIES = 10_000;
const QUICK_ENTITIES = 200;
const CALLERS = 64;

/** The times of one round, in milliseconds. */
interface Times {
  readonly joinMs: number;
  readonly leaveMs: number;
  readonly replaceMs: number;
}

/**
 * How long it takes until shards have their new owners, with entities in memory: about half of all shards when a second
 * pod joins and when it leaves, and all of them when a pod of a revision joins that alone gets requests. Nobody sends
 * commands meanwhile.
 */
export async function measureRebalance(settings: PodsSettings): Promise<PodFigure[]> {
  const { folder, rounds, quick, say } = settings;
  await using place = await openNatsPlace("nats", join(folder, "rebalance"));
  const all: Times[] = [];
  const count = quick ? QUICK_ENTITIES : WARM_ENTITIES;
  for (let round = 1; round <= rounds; round++) {
    say(`rebalance with ${count} entities in memory, round ${round} of ${rounds}`);
    all.push(await moveShards(place, `rebalance-${round}`, count, settings));
  }
  const warm = `of ${count.toLocaleString("en-US")} entities in memory`;
  const half = `half of the shards, and ${warm}`;
  return [
    { what: `a second pod joins: ${half}`, values: all.map(({ joinMs }) => joinMs), unit: "ms" },
    { what: `a pod leaves: ${half}`, values: all.map(({ leaveMs }) => leaveMs), unit: "ms" },
    {
      what: `a new revision: all ${SHARDS.toLocaleString("en-US")} shards, and all ${warm}`,
      values: all.map(({ replaceMs }) => replaceMs),
      unit: "ms",
    },
  ];
}

async function moveShards(
  place: LogPlace,
  service: string,
  count: number,
  { loader }: PodsSettings,
): Promise<Times> {
  await using stack = new AsyncDisposableStack();
  const start = (name: string, revision: string, trafficShare: number) =>
    startPod(
      {
        place,
        service,
        name,
        env: { K_REVISION: revision, PERDURE_TRAFFIC_SHARE: String(trafficShare) },
      },
      stack,
    );
  const warm = (pod: Pod, call: LoadCall) =>
    loader(`${service}: ${call} of each entity`, {
      port: pod.proxy.port,
      protocol: "grpc",
      call,
      callers: CALLERS,
      entities: range(0, count),
      until: { kind: "calls", perEntity: 1 },
    });
  // Without traffic, its revision has all shards as long as no other has any.
  const first = await start("pod-1", "old", 0);
  await untilSettled([first]);
  await warm(first, "addItem");
  const second = await start("pod-2", "old", 0);
  await untilSettled([first, second]);
  const joinMs = (await lastOwnedMs(second)) - joinedMs(second);

  await warm(first, "getCart");
  const leftMs = Date.now();
  const stopping = second.stop();
  await untilSettled([first]);
  const leaveMs = (await lastOwnedMs(first)) - leftMs;
  await stopping;

  await warm(first, "getCart");
  const third = await start("pod-3", "new", 100);
  await untilSettled([first, third]);
  const replaceMs = (await lastOwnedMs(third)) - joinedMs(third);
  return { joinMs, leaveMs, replaceMs };
}
