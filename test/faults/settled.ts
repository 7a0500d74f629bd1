// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import { SHARDS } from "../../pkg/base/mod.ts";
import type { ClusterView } from "../../pkg/cluster/node/mod.ts";

import type { ProxySlot } from "./proxy-slot.ts";

/** Pause before the next look, in milliseconds. Views are large, and callers are not to notice that somebody looks. */
const LOOK_EVERY_MS = 500;

/** How long the members may need after the last fault, in milliseconds; long, since machines are busy. */
const SETTLED_TIMEOUT_MS = 60_000;

/**
 * Waits until the proxies are the only members, own all shards, serve those that they own, and all know the same
 * owner and epoch of each. Gives what one of them knows then.
 *
 * @throws if they never do: an Error with what is wrong.
 */
export async function untilSettled(proxies: readonly ProxySlot[]): Promise<ClusterView> {
  const look = async () => {
    const views = await Promise.all(proxies.map((proxy) => proxy.shards()));
    return { view: views[0], wrong: whatIsWrong(views) };
  };
  const endMs = performance.now() + SETTLED_TIMEOUT_MS;
  for (;;) {
    const { view, wrong } = await look();
    if (view !== undefined && wrong === undefined) return view;
    if (performance.now() > endMs) throw new Error(`not settled within ${SETTLED_TIMEOUT_MS} ms: ${wrong}`);
    await delay(LOOK_EVERY_MS);
  }
}

/** Why the members are not settled, as far as these views show. */
function whatIsWrong(views: readonly (ClusterView | undefined)[]): string | undefined {
  const [first] = views;
  for (const view of views) {
    if (view === undefined || first === undefined) return "a proxy does not answer";
    const { self, members, shards } = view;
    if (self === undefined) return "a proxy is no member";
    const others = members.filter(({ state }) => state !== "live");
    if (members.length !== views.length || others.length > 0)
      return `${self} sees ${members.map(({ member, state }) => `${member} ${state}`).join(", ")}`;
    if (shards.length !== SHARDS) return `${self} knows ${shards.length} shards`;
    for (const [index, { shard, state, owner, epoch, open }] of shards.entries()) {
      if (state !== "owned") return `${self} says that shard ${shard} is ${state}`;
      const known = first.shards[index];
      if (owner !== known?.owner || epoch !== known?.epoch)
        return `shard ${shard}: ${owner}, epoch ${epoch}, says ${self}; ${known?.owner}, ${known?.epoch}, says ${first.self}`;
      if (owner === self && open === undefined) return `${self} does not serve its shard ${shard}`;
    }
  }
  return undefined;
}
