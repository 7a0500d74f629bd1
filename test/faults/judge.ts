// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import { readCart, readCartLog, storedTokens, tokenOf } from "../lib/carts.ts";
import type { Story } from "../lib/history.ts";
import { emptyStory, storiesOf } from "../lib/history.ts";
import { checkHistory, checkSights } from "../lib/history-checker.ts";
import { until } from "../lib/until.ts";
import type { Load } from "./load.ts";
import type { RoundPlan } from "./plan.ts";
import { hasOneOwner, SCENARIOS } from "./plan.ts";
import type { ProxySlot } from "./proxy-slot.ts";
import { checkRawStreams, waitForSilence } from "./raw-streams.ts";
import { untilSettled } from "./settled.ts";
import type { World } from "./world.ts";

export interface Counts {
  readonly acknowledged: number;
  readonly unacknowledgedStored: number;
  readonly unacknowledgedNotStored: number;
  /** Commands that were refused with the promise that nothing was stored. */
  readonly refused: number;
  /** Requests for a cart that were answered well. */
  readonly looks: number;
}

type Stored = ReadonlyMap<string, readonly Uint8Array[]>;

export interface Verdict {
  readonly violations: readonly string[];
  readonly counts: Counts;
}

/**
 * Compares what is stored with what the callers saw, after all faults and callers have ended. It ends the proxies.
 *
 * 1. Proxies that share their carts agree on who owns what: no shard is without an owner, and none has two.
 * 2. Each proxy is asked for every cart once more, until all show the same. These answers are judged as well.
 * 3. All processes have closed the log before it is read, so that nothing can change it any more.
 * 4. A fresh proxy, with nothing in memory, must show every cart exactly as it is stored.
 */
export async function judge(world: World, plan: RoundPlan, load: Load): Promise<Verdict> {
  const violations: string[] = [];
  if (SCENARIOS[plan.scenario].hasOwners === true)
    await untilSettled(world.proxies).catch((error: Error) => violations.push(error.message));
  violations.push(...(await lookAtAll(world.proxies, plan, load)));
  await Promise.all(world.proxies.map((proxy) => proxy.end()));
  await Promise.all(world.links.map((link) => link.close()));
  await world.serversReady();
  await waitForSilence(world);

  const raw = await checkRawStreams(world);
  violations.push(...raw.violations);
  const stored = await readCartLog(world.address).catch((error: unknown) => {
    violations.push(`the log cannot be read: ${(error as Error).message}`);
    return undefined;
  });
  if (stored === undefined) return { violations, counts: count(new Map(), storiesOf(load.operations)) };
  const records = [...stored.values()].reduce((sum, each) => sum + each.length, 0);
  if (records !== raw.messages) violations.push(`${raw.messages} messages, but ${records} records`);
  const stories = storiesOf(load.operations);
  violations.push(...compare(plan, stories, stored));
  const fresh = await world.openFreshProxy();
  for (const [id, each] of stored) violations.push(...(await checkCart(fresh, id, storedTokens(each))));
  await fresh.end();
  return { violations, counts: count(stored, stories) };
}

/** Through every proxy, until each has answered and all show the same. */
async function lookAtAll(
  proxies: readonly ProxySlot[],
  { passivationMs }: RoundPlan,
  load: Load,
): Promise<string[]> {
  const look = async (id: string): Promise<string[]> => {
    const agree = async (): Promise<boolean> => {
      const shown = await Promise.all(proxies.map((proxy) => load.look(proxy, id)));
      // That is already a violation, so waiting longer would not help.
      if (load.oddities.length > 0) return true;
      if (shown.every((tokens) => tokens !== undefined && tokens.join() === shown[0]?.join())) return true;
      // A cart may just be in activation. With several proxies, one may keep an old state in memory as long as it
      // gets requests, so the pause is longer than the passivation time-out.
      await delay(proxies.length > 1 ? 2 * passivationMs : 0);
      return false;
    };
    try {
      await until(`${id} can be read, with one result`, agree, LOOK_TIMEOUT_MS);
      return [];
    } catch (error) {
      return [(error as Error).message];
    }
  };
  return (await Promise.all([...storiesOf(load.operations).keys()].map(look))).flat();
}

/** How long a cart may be unreadable without a fault, in milliseconds. */
const LOOK_TIMEOUT_MS = 30_000;

function compare(plan: RoundPlan, stories: ReadonlyMap<string, Story>, stored: Stored): string[] {
  const ids = new Set([...stories.keys(), ...stored.keys()]);
  return [...ids].flatMap((id) => {
    const story = stories.get(id) ?? emptyStory();
    const records = stored.get(id) ?? [];
    const found = checkHistory(story, records, tokenOf).map(({ kind, detail }) => `${kind}: ${detail}`);
    // Of two proxies that both have a cart, the memory of one may be outdated until it writes itself.
    const isCurrent = hasOneOwner(plan);
    const tokens = storedTokens(records).map((token) => token ?? "?");
    return [...found, ...checkSights(story.sights, tokens, story, isCurrent)].map((text) => `${id}: ${text}`);
  });
}

async function checkCart(
  proxy: ProxySlot,
  id: string,
  tokens: readonly (string | undefined)[],
): Promise<string[]> {
  const cart = await readCart(proxy.client, id).catch((error: Error) => error);
  if (cart instanceof Error) return [`${id}: cannot be read: ${cart.message}`];
  if (cart.kind === "error") return [`${id}: cannot be read: ${cart.answer.status} ${cart.answer.body}`];
  return cart.tokens.join() === tokens.join() ? [] : [`${id}: the cart is not what is stored`];
}

function count(stored: Stored, stories: ReadonlyMap<string, Story>): Counts {
  const counts = {
    acknowledged: 0,
    unacknowledgedStored: 0,
    unacknowledgedNotStored: 0,
    refused: 0,
    looks: 0,
  };
  for (const [id, { acknowledged, unacknowledged, refused, sights }] of stories) {
    const inLog = new Set(storedTokens(stored.get(id) ?? []));
    counts.acknowledged += acknowledged.length;
    counts.refused += refused.length;
    counts.looks += sights.length;
    for (const token of unacknowledged)
      counts[inLog.has(token) ? "unacknowledgedStored" : "unacknowledgedNotStored"]++;
  }
  return counts;
}
