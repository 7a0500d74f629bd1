// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { nextToGiveUp, PATIENCE_MS } from "./handoff-order.ts";

/** Ten shards in each segment. */
const placeOf = (shard: number): number => Math.floor(shard / 10);

test("the shards of the first segment go together, whatever order they come in", (t) => {
  t.deepEqual(nextToGiveUp([31, 12, 25, 17], [], placeOf, 0), [12, 17]);
  t.deepEqual(
    nextToGiveUp([12, 25, 31], [], (shard) => (placeOf(shard) + 8) % 10, 0),
    [25],
  );
  t.deepEqual(nextToGiveUp([], [], placeOf, 0), []);
});

test("the next ones wait for those before, unless these come no closer to their release", (t) => {
  const underWay = [
    { shard: 1, sinceMs: 1_000 },
    { shard: 2, sinceMs: 1_040 },
  ];
  t.deepEqual(nextToGiveUp([12], underWay, placeOf, 1_000 + PATIENCE_MS), []);
  t.deepEqual(nextToGiveUp([12], underWay, placeOf, 1_040 + PATIENCE_MS - 1), []);
  t.deepEqual(nextToGiveUp([12], underWay, placeOf, 1_040 + PATIENCE_MS), [12]);
});
