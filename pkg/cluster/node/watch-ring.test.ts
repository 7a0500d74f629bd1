// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { WATCHED, watchedBy } from "./watch-ring.ts";

const without = (ids: readonly string[], id: string): readonly string[] =>
  ids.filter((other) => other !== id);

/** By member, those that watch it. */
function watchersOf(ids: readonly string[], count: number): ReadonlyMap<string, readonly string[]> {
  const watched = ids.map((id) => ({ id, all: watchedBy(id, without(ids, id), count) }));
  return new Map(
    ids.map((id) => [id, watched.filter(({ all }) => all.includes(id)).map((watcher) => watcher.id)]),
  );
}

const idsOf = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 30 });

test("each member watches as many as it is watched by, and nobody itself", (t) => {
  fc.assert(
    fc.property(idsOf, fc.integer({ min: 1, max: 5 }), (ids, count) => {
      for (const [id, watchers] of watchersOf(ids, count)) {
        t.is(watchers.length, Math.min(count, ids.length - 1));
        t.false(watchers.includes(id));
      }
    }),
  );
});

test("whoever is in whatever order, the ring is the same", (t) => {
  fc.assert(
    fc.property(idsOf, (ids) => {
      const [self = "", ...others] = ids;
      t.deepEqual(watchedBy(self, others, WATCHED), watchedBy(self, others.toReversed(), WATCHED));
    }),
  );
});

test("however many are silent, all of them are watched, and each live one by as many live ones as before", (t) => {
  fc.assert(
    fc.property(idsOf, fc.nat(), fc.integer({ min: 1, max: 3 }), (ids, chance, count) => {
      const live = ids.filter((_, index) => index === 0 || ((chance >> (index - 1)) & 1) === 1);
      const isLive = (id: string): boolean => live.includes(id);
      const watched = live.map((id) => watchedBy(id, without(ids, id), count, isLive));
      for (const id of ids) {
        const watchers = watched.filter((all) => all.includes(id)).length;
        t.true(watchers >= Math.min(count, isLive(id) ? live.length - 1 : live.length), `${id}: ${watchers}`);
      }
    }),
  );
});

test("one that comes changes whom at most three others watch", (t) => {
  const ids = Array.from({ length: 50 }, (_, index) => `pod-${index}.x`);
  const changed = ids.filter((id) => {
    const before = watchedBy(id, without(ids, id), WATCHED);
    const after = watchedBy(id, [...without(ids, id), "new.y"], WATCHED);
    return before.join() !== after.join();
  });
  t.is(changed.length, WATCHED);
});

test("pods whose names follow each other are seldom neighbours", (t) => {
  const ids = Array.from({ length: 100 }, (_, index) => `shop-00001-deployment-${index}.a`);
  const neighbours = ids.filter((id, index) => watchedBy(id, without(ids, id), 1)[0] === ids[index + 1]);
  t.true(neighbours.length < 10, `${neighbours.length}`);
});
