// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { nextToGiveUp, PATIENCE_MS } from "./handoff-order.ts";

/** Ten shards in each segment. */
const placeOf = (shard: number): number => Math.floor(shard / 10);
const NOTHING = { isUnderWay: false, begunMs: undefined };

test("the shards of the first segment go together, whatever order they come in", (t) => {
  t.deepEqual(nextToGiveUp([31, 12, 25, 17], NOTHING, placeOf, 0), [12, 17]);
  t.deepEqual(
    nextToGiveUp([12, 25, 31], NOTHING, (shard) => (placeOf(shard) + 8) % 10, 0),
    [25],
  );
  t.deepEqual(nextToGiveUp([], NOTHING, placeOf, 0), []);
});

test("the next ones wait for those before, but not for long", (t) => {
  const underWay = { isUnderWay: true, begunMs: 1_000 };
  t.deepEqual(nextToGiveUp([12], underWay, placeOf, 1_000), []);
  t.deepEqual(nextToGiveUp([12], underWay, placeOf, 1_000 + PATIENCE_MS - 1), []);
  t.deepEqual(nextToGiveUp([12], underWay, placeOf, 1_000 + PATIENCE_MS), [12]);
  t.deepEqual(nextToGiveUp([12], { ...underWay, isUnderWay: false }, placeOf, 1_000), [12]);
});
