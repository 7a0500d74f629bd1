// SPDX-License-Identifier: Apache-2.0

import type { PeerId } from "../placement.ts";

/** How many others each member watches, and so how many watch each one. */
export const WATCHED = 3;

/**
 * Whom a member watches: those that follow it in a ring of all members, up to the third that is live. So what members
 * say and hear to notice that one is gone does not grow with their number.
 *
 * 1. All that know the same members agree on the ring, so each member is watched by `count` others, by all if there
 *    are no more.
 * 2. If those that watch a member are gone too, whoever is before them in the ring finds them silent, and watches on
 *    behind them at once. So however many are gone, the others find them within about the same time as one.
 * 3. The ring is in no order that people or Kubernetes give to pods, so pods that end together are seldom neighbours.
 */
export function watchedBy(
  self: PeerId,
  others: Iterable<PeerId>,
  count: number,
  isLive: (id: PeerId) => boolean = () => true,
): readonly PeerId[] {
  const place = placeOf(self);
  const following = Array.from(others, (id) => ({ id, distance: (placeOf(id) - place + RING) % RING }));
  following.sort((one, other) => one.distance - other.distance || (one.id < other.id ? -1 : 1));
  let live = 0;
  const last = following.findIndex(({ id }) => isLive(id) && ++live === count);
  return following.slice(0, last < 0 ? undefined : last + 1).map(({ id }) => id);
}

const RING = 2 ** 32;

/** FNV-1a (32 bits), finished as MurmurHash3 does, because ids often differ in their last letters only. */
function placeOf(id: PeerId): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
