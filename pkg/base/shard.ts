// SPDX-License-Identifier: Apache-2.0

import { Buffer } from "node:buffer";

/** Number of shards. Each entity belongs to one of them for ever. */
export const SHARDS = 1_024;

/** Number of segments: groups of adjacent shards that are kept and stored together. */
export const SEGMENTS = 16;

const FNV_PRIME = 0x01000193;

/**
 * The shard of an entity: FNV-1a (32 bits; draft-eastlake-fnv) over the UTF-8 of type, a zero byte and id, finished as
 * MurmurHash3 does (fmix32, public domain), since the low bits of FNV alone are poor. Stored data depends on it.
 */
export function shardOf(type: string, id: string): number {
  let hash = fnv1a(fnv1a(fnv1a(0x811c9dc5, type), "\0"), id);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % SHARDS;
}

/** The segment of a shard. */
export function segmentOf(shard: number): number {
  return Math.floor(shard / (SHARDS / SEGMENTS));
}

/**
 * Continues an FNV-1a hash over the UTF-8 of a text. ASCII is not copied into a buffer first, because every append
 * computes this hash.
 */
function fnv1a(hash: number, text: string): number {
  let result = hash;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return fnv1aOfBytes(result, Buffer.from(text.slice(i), "utf8"));
    result = Math.imul(result ^ unit, FNV_PRIME);
  }
  return result;
}

function fnv1aOfBytes(hash: number, bytes: Uint8Array): number {
  return bytes.reduce((result, byte) => Math.imul(result ^ byte, FNV_PRIME), hash);
}
