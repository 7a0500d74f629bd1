// SPDX-License-Identifier: Apache-2.0

import { getOrMake } from "../../base/mod.ts";
import type { ClusterView, MemberView, ShardView } from "../../cluster/node/mod.ts";
import { MINUTE_MS, SECOND_MS, shownDuration } from "../../settings/mod.ts";

import type { PartState } from "../admin/report.ts";
import { reportText } from "../admin/report.ts";

/** Ranges of shards that a line shows. Shards are spread by a hash, so most ranges have one shard. */
const MAX_RANGES = 6;

const NONE = "-";

/** The cluster as text: a row for each member, and one for all shards that move in the same way. */
export function shardsText({ self, members, shards }: ClusterView): string {
  const moving = shards.filter(({ state }) => state !== "owned");
  return reportText({
    cluster: {
      member: self ?? "none at the moment; the rest is as this proxy knew it last",
      shards:
        moving.length === 0 ? `${shards.length}, none moves` : `${shards.length}, ${moving.length} move`,
      members: members.map((member) => memberRow(member, shards)),
      moving: groupsOf(moving).map(movingRow),
    },
  });
}

function memberRow({ member, isThisOne, state, ...about }: MemberView, all: readonly ShardView[]): PartState {
  const shards = all.filter(({ owner }) => owner === member);
  const ages = shards.map(({ ownedForMs = 0 }) => ownedForMs);
  return {
    member,
    state: isThisOne ? `this one${state === "live" ? "" : `, ${state}`}` : state,
    revision: about.revision || NONE,
    share: about.share,
    shards: about.owned,
    due: about.due,
    since: ages.length === 0 ? NONE : spanOf(ages, shownAge),
    epoch: epochsOf(shards),
    which: rangesOf(shards.map(({ shard }) => shard)),
  };
}

/** Shards that are in the same state, between the same two members. */
function groupsOf(moving: readonly ShardView[]): readonly (readonly ShardView[])[] {
  const groups = new Map<string, ShardView[]>();
  for (const shard of moving) {
    const { state, owner, to } = shard;
    getOrMake(groups, JSON.stringify([state, owner, to]), (): ShardView[] => []).push(shard);
  }
  return [...groups.values()];
}

function movingRow(group: readonly ShardView[]): PartState {
  const [first] = group;
  const ages = group.flatMap(({ stateForMs }) => stateForMs ?? []);
  return {
    state: first?.state ?? NONE,
    shards: group.length,
    since: ages.length === 0 ? NONE : spanOf(ages, shownAge),
    epoch: epochsOf(group),
    owner: first?.owner ?? NONE,
    to: first?.to ?? NONE,
    open: group.reduce((sum, { open = 0 }) => sum + open, 0),
    which: rangesOf(group.map(({ shard }) => shard)),
  };
}

function epochsOf(shards: readonly ShardView[]): string {
  const epochs = shards.flatMap(({ epoch }) => epoch ?? []);
  return epochs.length === 0 ? NONE : spanOf(epochs, String);
}

/** The least and the greatest of numbers, of which there is one at least. */
function spanOf(numbers: readonly number[], shown: (number: number) => string): string {
  const [least, greatest] = [shown(Math.min(...numbers)), shown(Math.max(...numbers))];
  return least === greatest ? least : `${least}-${greatest}`;
}

/** An age as people want it: exact while it is short. */
function shownAge(ms: number): string {
  const unitMs = ms < SECOND_MS ? 1 : ms < 60 * MINUTE_MS ? SECOND_MS : MINUTE_MS;
  return shownDuration(Math.floor(ms / unitMs) * unitMs);
}

/**
 * Numbers as ranges, as `0-3,7`. Of many ranges only the first are shown, and how many numbers there are beyond them.
 *
 * @param numbers in ascending order, none twice
 */
export function rangesOf(numbers: readonly number[]): string {
  const ranges: { readonly first: number; last: number }[] = [];
  for (const number of numbers) {
    const range = ranges.at(-1);
    if (range !== undefined && range.last === number - 1) range.last = number;
    else ranges.push({ first: number, last: number });
  }
  const shown = ranges.slice(0, MAX_RANGES);
  const left = shown.reduce((rest, { first, last }) => rest - (last - first + 1), numbers.length);
  const text = shown.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
  if (text === "") return NONE;
  return left === 0 ? text : `${text},… (${left} more)`;
}
