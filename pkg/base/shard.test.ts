// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { SEGMENTS, SHARDS, segmentOf, shardOf } from "./shard.ts";

/** Computed by another program (Python). If one of these shards changes, the entities of all existing logs are lost. */
const VECTORS: readonly (readonly [type: string, id: string, shard: number])[] = [
  ["", "", 795],
  ["cart", "ann", 13],
  ["cart", "bob", 931],
  ["shopping-cart", "user-1", 734],
  ["a", "b", 813],
  ["ab", "", 541],
  ["", "ab", 775],
  ["t", "é", 1_013],
  ["t", "日本", 699],
  ["t", "🛒", 259],
  ["t", "x".repeat(1_000), 254],
];

test("the shard of an entity never changes", (t) => {
  for (const [type, id, shard] of VECTORS) t.is(shardOf(type, id), shard, `${type}/${id}`);
});

test("text that is no Unicode has a shard too", (t) => {
  t.is(shardOf("t", "\ud83d"), shardOf("t", "\ufffd"));
});

test("entities are spread evenly over shards and segments", (t) => {
  const shards = new Uint32Array(SHARDS);
  const segments = new Uint32Array(SEGMENTS);
  for (let i = 0; i < 100_000; i++) {
    const shard = shardOf("cart", `customer-${i}`);
    shards[shard] = (shards[shard] ?? 0) + 1;
    segments[segmentOf(shard)] = (segments[segmentOf(shard)] ?? 0) + 1;
  }
  // A random distribution would leave these bounds about once in 10,000 runs. This one does not change, because the
  // ids are fixed.
  for (const count of shards) t.true(count > 50 && count < 160, `${count}`);
  for (const count of segments) t.true(count > 5_900 && count < 6_600, `${count}`);
});
