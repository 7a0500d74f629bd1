// SPDX-License-Identifier: Apache-2.0

import type { ClusterView } from "../../../../pkg/cluster/node/mod.ts";

import { until } from "../../../lib/until.ts";
import type { Pod } from "./pods.ts";
import { livePodsOf } from "./pods.ts";
import { throughPortForward } from "./port-forward.ts";

const ADMIN_PORT = 9_010;

/** Who owns which shards, when all pods of a service agreed and none moved. */
export interface Owners {
  /** By shard: the pod, and the epoch, which grows whenever the owner changes. */
  readonly shards: readonly string[];
  /** How many shards the pods of each revision own. */
  readonly byRevision: Readonly<Record<string, number>>;
}

/** What a pod knows of who owns what: `/shards` of its admin port, which it answers to its own machine only. */
async function shardsOf({ metadata }: Pod): Promise<ClusterView> {
  return throughPortForward(metadata.name, ADMIN_PORT, async (port) => {
    const answer = await fetch(`http://127.0.0.1:${port}/shards?format=json`);
    return (await answer.json()) as ClusterView;
  });
}

/**
 * Waits until the pods of a service that are not ending own all shards, and each says the same about each shard. The
 * owner that a pod names of its own shards is the one that answers: it carries out commands only of those.
 */
export async function untilSettled(service: string, timeoutMs = 60_000): Promise<Owners> {
  let owners: Owners | undefined;
  const agree = async (): Promise<boolean> => {
    const pods = await livePodsOf(service);
    const views = await Promise.all(pods.map((pod) => shardsOf(pod).catch(() => undefined)));
    const all = views.flatMap((view) => (view === undefined ? [] : [settledOwners(view)]));
    const [first] = all;
    if (first === undefined || all.length < pods.length) return false;
    const names = pods.map(({ metadata }) => metadata.name).sort();
    const isOfPods = views.every((view) => namesOf(view).join() === names.join());
    const texts = new Set(all.map((each) => JSON.stringify(each?.shards)));
    owners = first;
    return isOfPods && texts.size === 1;
  };
  await until(`the pods of ${service} agree on who owns what`, agree, timeoutMs);
  if (owners === undefined) throw new Error("unreachable");
  return owners;
}

/** The pods that own shards or might, in the order of their names. */
function namesOf(view: ClusterView | undefined): readonly string[] {
  const present = view?.members.filter(({ state, owned }) => state === "live" || owned > 0) ?? [];
  return present.map(({ pod }) => pod).sort();
}

/** Undefined while something moves. */
function settledOwners({ members, shards }: ClusterView): Owners | undefined {
  if (shards.length === 0 || shards.some(({ state }) => state !== "owned")) return undefined;
  const byRevision: Record<string, number> = {};
  for (const { revision, owned } of members)
    if (owned > 0) byRevision[revision] = (byRevision[revision] ?? 0) + owned;
  return { shards: shards.map(({ owner, epoch }) => `${owner} ${epoch}`), byRevision };
}
