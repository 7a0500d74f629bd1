// SPDX-License-Identifier: Apache-2.0

/** How often a command may be sent from one proxy to another (ADR 24). */
export const MAX_HOPS = 16;

/** So many follow each other at once: to the owner, to a new one of which the sender has not heard, and back. */
const QUICK_HOPS = 3;

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 640;

/**
 * How long a proxy waits, in milliseconds, before it sends a command on for the time `hop`, the first being 1. Two
 * proxies may send a command back and forth while one of them has not heard of a shard's new owner, so the later ones
 * wait for such news, and so does one that would be one too many. All pauses together are 6.4 s, because a proxy whose
 * news stopped notices that after up to 3.3 s.
 */
export function pauseBeforeHop(hop: number): number {
  if (hop <= QUICK_HOPS) return 0;
  return Math.min(FIRST_PAUSE_MS * 2 ** (hop - QUICK_HOPS - 1), LONGEST_PAUSE_MS);
}
