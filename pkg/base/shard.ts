// SPDX-License-Identifier: Apache-2.0

import { Buffer } from "node:buffer";

/** Each entity belongs to one of so many shards, for ever. */
export const SHARDS = 1_024;

/** Shards are kept and stored in so many groups of neighbours. */
export const SEGMENTS = 16;

/**
 * The shard of an entity: FNV-1a (32 bits; draft-eastlake-fnv) over the UTF-8 of type, a zero byte and id, finished as
 * MurmurHash3 does (fmix32, public domain), since the low bits of FNV alone are poor. Stored data depends on it.
 */
export function shardOf(type: string, id: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(`${type}\0${id}`, "utf8")) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % SHARDS;
}

/** The segment of a shard. */
export function segmentOf(shard: number): number {
  return Math.floor(shard / (SHARDS / SEGMENTS));
}
