// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import type { Entry, Wishes } from "./owners.ts";
import { isSameEntry, mayTake, planSegment } from "./owners.ts";

const SIZE = 4;

function wishes(changes: Partial<Wishes> = {}): Wishes {
  return {
    self: { id: "me", leaseMs: 500 },
    wants: () => true,
    isReleasing: () => false,
    heirOf: () => undefined,
    isOver: () => false,
    isEveryoneOver: false,
    ...changes,
  };
}

const free = (epoch: number): Entry => ({ kind: "free", epoch });
const owned = (owner: string, epoch: number): Entry => ({ kind: "owned", owner, epoch, leaseMs: 500 });
const LOST: Entry = { kind: "lost" };

test("an entry is the same as another if neither its owner nor its epoch has changed", (t) => {
  const entries = [undefined, LOST, free(1), free(2), owned("a", 1), owned("a", 2), owned("b", 1)];
  for (const [index, one] of entries.entries())
    for (const [at, other] of entries.entries())
      t.is(isSameEntry(one, other === undefined ? other : { ...other }), index === at, `${index} and ${at}`);
});

test("a lone member takes all shards of a segment in one write", (t) => {
  const entries = [free(1), free(4), free(0), free(9)];
  const planned = planSegment({ revision: 3, entries }, SIZE, wishes());
  t.deepEqual(planned, [owned("me", 2), owned("me", 5), owned("me", 1), owned("me", 10)]);
  t.is(planSegment({ revision: 4, entries: planned }, SIZE, wishes()), undefined);
});

test("a segment that is not there is filled in, so that all know that its entries are lost", (t) => {
  const planned = planSegment({ revision: 0, entries: undefined }, SIZE, wishes({ isEveryoneOver: true }));
  t.deepEqual(planned, [LOST, LOST, LOST, LOST]);
});

test("lost entries are taken when nobody can still serve them", (t) => {
  const segment = { revision: 1, entries: [LOST, LOST, LOST, LOST] };
  t.is(planSegment(segment, SIZE, wishes()), undefined);
  t.deepEqual(planSegment(segment, SIZE, wishes({ isEveryoneOver: true }))?.[0], owned("me", 1));
});

test("one write takes shards and releases others, which get their next owner or become free", (t) => {
  const entries = [owned("me", 3), free(5), owned("other", 7), owned("me", 1)];
  const planned = planSegment(
    { revision: 3, entries },
    SIZE,
    wishes({
      wants: (index) => index === 1 || index === 2,
      isReleasing: (index) => index === 0 || index === 3,
      heirOf: (index) => (index === 3 ? { id: "heir", leaseMs: 500 } : undefined),
    }),
  );
  t.deepEqual(planned, [free(4), owned("me", 6), owned("other", 7), owned("heir", 2)]);
});

const ENTRY = fc.oneof(
  fc.record({ kind: fc.constant("free" as const), epoch: fc.nat(9) }),
  fc.record({
    kind: fc.constant("owned" as const),
    epoch: fc.nat(9),
    owner: fc.constantFrom("me", "over", "alive"),
    leaseMs: fc.constant(500),
  }),
  fc.constant(LOST),
);

test("whatever it wants: only what may be taken is taken, and each change raises the epoch by one", (t) => {
  const property = fc.property(
    fc.array(ENTRY, { minLength: SIZE, maxLength: SIZE }),
    fc.array(fc.boolean(), { minLength: SIZE, maxLength: SIZE }),
    fc.array(fc.boolean(), { minLength: SIZE, maxLength: SIZE }),
    fc.boolean(),
    (entries, wants, releases, isEveryoneOver) => {
      const asked = wishes({
        wants: (index) => wants[index] === true,
        isReleasing: (index) => releases[index] === true,
        heirOf: (index) => (index % 2 === 0 ? { id: "heir", leaseMs: 900 } : undefined),
        isOver: (owner) => owner === "over",
        isEveryoneOver,
      });
      const planned = planSegment({ revision: 1, entries }, SIZE, asked) ?? entries;
      return planned.every((after, index) => {
        const before = entries[index]!;
        if (after === before) return true;
        const epoch = before.kind === "lost" ? 0 : before.epoch;
        if (after.kind === "lost" || after.epoch !== epoch + 1) return false;
        const isOwn = before.kind === "owned" && before.owner === "me";
        const isGivenUp = after.kind === "free" || after.owner === "heir";
        if (isGivenUp)
          return isOwn && releases[index] === true && (after.kind === "free") === (index % 2 === 1);
        return after.owner === "me" && !isOwn && wants[index] === true && mayTake(before, asked);
      });
    },
  );
  t.notThrows(() => fc.assert(property, { seed: 16, numRuns: 2_000 }));
});
