// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

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

/** How many segments the shards below are of. */
const SEGMENTS = 16;
const SHARDS_DUE = fc.uniqueArray(
  fc.record({ shard: fc.nat(10 * SEGMENTS - 1), takesMs: fc.integer({ min: 1, max: 300 }) }),
  { selector: ({ shard }) => shard },
);

test("each shard is given up once, in the order of the segments, and the last one within a bound", (t) => {
  fc.assert(
    fc.property(SHARDS_DUE, (all) => {
      const due = new Set(all.map(({ shard }) => shard));
      const releasedMs = new Map<number, number>();
      const order: number[] = [];
      let begunMs: number | undefined;
      let nowMs = 0;
      for (; due.size > 0; nowMs += 10) {
        const isUnderWay = [...releasedMs.values()].some((atMs) => atMs > nowMs);
        const next = nextToGiveUp([...due], { isUnderWay, begunMs }, placeOf, nowMs);
        if (next.length > 0) begunMs = nowMs;
        for (const shard of next) {
          due.delete(shard);
          order.push(placeOf(shard));
          releasedMs.set(shard, nowMs + (all.find((each) => each.shard === shard)?.takesMs ?? 0));
        }
      }
      t.is(order.length, all.length);
      t.deepEqual(
        order,
        order.toSorted((a, b) => a - b),
      );
      t.true(nowMs <= SEGMENTS * PATIENCE_MS, `${nowMs} ms`);
    }),
  );
});
