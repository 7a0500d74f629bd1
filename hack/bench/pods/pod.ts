// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import { shardOf } from "../../../pkg/base/mod.ts";
import type { ClusterView } from "../../../pkg/cluster/node/mod.ts";

import { cart } from "../../../samples/shopping-cart/cart.ts";
import { cartId } from "../loader/requests.ts";
import type { ProxyProcess } from "../proxy-process.ts";
import { startProxyProcess } from "../proxy-process.ts";
import type { LogPlace } from "../servers.ts";
import { startUserFunction } from "../servers.ts";

/** How long pods may take until they agree on who owns what, in milliseconds. */
const SETTLE_TIMEOUT_MS = 60_000;
/** Time for a pod to end: to give away its shards, and what its callers still wait for. */
const STOP_TIMEOUT_MS = 30_000;
/** Pause between two looks: each makes the pod write down all shards, on the processors that are measured. */
const LOOK_EVERY_MS = 50;

/** A proxy with a user function of its own, which shares entities with the other pods of its service. */
export interface Pod {
  readonly name: string;
  readonly proxy: ProxyProcess;
  /** Ends it in order, as Kubernetes does: it gives its shards to others first. */
  stop(): Promise<void>;
}

export interface PodSettings {
  readonly place: LogPlace;
  /** Pods of one service have the same log. */
  readonly service: string;
  readonly name: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a pod, which ends with the stack. */
export async function startPod(settings: PodSettings, stack: AsyncDisposableStack): Promise<Pod> {
  const { place, service, name } = settings;
  const userFunction = stack.use(await startUserFunction());
  const proxy = await startProxyProcess({
    log: place.address(service),
    userFunctionPort: userFunction.entityPort,
    env: { ...place.env, PERDURE_CLUSTER: "on", POD_NAME: name, ...settings.env },
  });
  stack.defer(() => proxy.stop(STOP_TIMEOUT_MS));
  return { name, proxy, stop: () => proxy.stop(STOP_TIMEOUT_MS) };
}

/** What a pod knows at a moment of who owns what. */
export interface Look extends ClusterView {
  /** When it knew that, in milliseconds of the wall clock. */
  readonly atMs: number;
}

export async function lookAt({ proxy }: Pod): Promise<Look> {
  const beforeMs = Date.now();
  const answer = await fetch(`http://127.0.0.1:${proxy.adminPort}/shards?format=json`);
  const view = (await answer.json()) as ClusterView;
  return { ...view, atMs: (beforeMs + Date.now()) / 2 };
}

/**
 * Waits until these pods and no others own all shards, each the right one, and all of them know it. Gives what the
 * first one knows then.
 */
export async function untilSettled(pods: readonly Pod[]): Promise<Look> {
  const names = pods.map(({ name }) => name).sort();
  const endMs = performance.now() + SETTLE_TIMEOUT_MS;
  for (;;) {
    const looks = await Promise.all(pods.map(lookAt));
    const owners = looks.map((look) => ownersIn(look, names)?.join());
    const [first] = looks;
    if (first !== undefined && owners[0] !== undefined && owners.every((each) => each === owners[0]))
      return first;
    if (performance.now() > endMs)
      throw new Error(`${names.join(", ")} do not agree on who owns what within ${SETTLE_TIMEOUT_MS} ms`);
    await delay(LOOK_EVERY_MS);
  }
}

/** By shard, the name of the pod that owns it. Undefined: it is another one than it should be, or a pod is missing. */
export function ownersIn(
  { members, shards }: ClusterView,
  names: readonly string[],
): readonly string[] | undefined {
  const podOf = new Map(members.map(({ member, pod }) => [member, pod]));
  if ([...podOf.values()].sort().join() !== names.join() || shards.length === 0) return undefined;
  const owners = shards.map(({ state, owner = "" }) => (state === "owned" ? podOf.get(owner) : undefined));
  return owners.every((owner) => owner !== undefined) ? owners : undefined;
}

/** The carts of these numbers that each pod owns, in the order of the names. */
export function cartsByOwner(
  entities: readonly number[],
  owners: readonly string[],
  names: readonly string[],
): readonly (readonly number[])[] {
  const ownerOf = (entity: number) => owners[shardOf(cart.persistenceId, cartId(entity))];
  return names.map((name) => entities.filter((entity) => ownerOf(entity) === name));
}
