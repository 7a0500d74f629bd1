// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { SHARDS } from "../../base/mod.ts";

import { desiredOwner, groupsOf } from "./assignment.ts";
import type { Member } from "./member.ts";
import { memberInfo } from "./test-lib/member-info.ts";

function member(pod: string, revision = "one", share = 100, incarnation = 0): Member {
  return { id: `${pod}.${incarnation}`, info: memberInfo({ pod, revision, share }) };
}

function owners(members: readonly Member[]): readonly (string | undefined)[] {
  const groups = groupsOf(members);
  return Array.from({ length: SHARDS }, (_, shard) => desiredOwner(shard, groups));
}

function countOf(all: readonly (string | undefined)[], id: string): number {
  return all.filter((owner) => owner === id).length;
}

function pods(count: number, revision = "one", share = 100): readonly Member[] {
  return Array.from({ length: count }, (_, pod) => member(`${revision}-${pod}`, revision, share));
}

test("nobody owns anything if nobody is there, and a lone member owns everything", (t) => {
  t.is(desiredOwner(0, groupsOf([])), undefined);
  t.is(countOf(owners([member("a")]), "a.0"), SHARDS);
});

test("members of a revision own about as much each", (t) => {
  for (const count of [2, 3, 10, 100]) {
    const all = owners(pods(count));
    const mean = SHARDS / count;
    for (const { id } of pods(count)) {
      // Five standard deviations of a fair draw.
      const most = 5 * Math.sqrt(mean);
      t.true(Math.abs(countOf(all, id) - mean) <= most, `${id} of ${count} owns ${countOf(all, id)}`);
    }
  }
});

test("a canary with a tenth of the traffic owns about a tenth, however many pods it has", (t) => {
  for (const canaries of [1, 4]) {
    const all = owners([...pods(3, "old", 90), ...pods(canaries, "new", 10)]);
    const ofNew = all.filter((owner) => owner?.startsWith("new")).length;
    t.true(Math.abs(ofNew - SHARDS / 10) < 50, `${canaries} pods own ${ofNew}`);
  }
});

test("a revision without traffic owns nothing, unless none has any", (t) => {
  t.is(countOf(owners([member("a", "one", 0), member("b", "two", 5)]), "b.0"), SHARDS);
  const all = owners([member("a", "one", 0), member("b", "two", 0)]);
  t.true(countOf(all, "a.0") > 400 && countOf(all, "b.0") > 400);
});

test("a pod that joins again gets its shards back", (t) => {
  const before = owners([member("a"), member("b")]);
  const after = owners([member("a", "one", 100, 7), member("b")]);
  t.deepEqual(
    after.map((id) => id?.split(".")[0]),
    before.map((id) => id?.split(".")[0]),
  );
});

const MEMBERS = fc.uniqueArray(
  fc.record({
    pod: fc.integer({ min: 0, max: 30 }),
    revision: fc.constantFrom("one", "two", "three"),
    share: fc.integer({ min: 0, max: 100 }),
  }),
  { minLength: 1, maxLength: 8, selector: ({ pod }) => pod },
);

test("all that know the same members agree, in whatever order they know them", (t) => {
  const property = fc.property(MEMBERS, fc.nat(SHARDS - 1), (all, shard) => {
    const members = all.map(({ pod, revision, share }) => member(`pod-${pod}`, revision, share));
    const reversed = members.toReversed();
    return desiredOwner(shard, groupsOf(members)) === desiredOwner(shard, groupsOf(reversed));
  });
  t.notThrows(() => fc.assert(property, { seed: 16, numRuns: 500 }));
});

test("a pod that comes takes shards only from its own revision, and one that goes gives them only to it", (t) => {
  const property = fc.property(
    fc.integer({ min: 1, max: 5 }),
    fc.integer({ min: 1, max: 5 }),
    (olds, news) => {
      const before = owners([...pods(olds, "old", 70), ...pods(news, "new", 30)]);
      const after = owners([...pods(olds, "old", 70), ...pods(news + 1, "new", 30)]);
      const newcomer = `new-${news}.0`;
      return before.every(
        (owner, shard) =>
          owner === after[shard] || (after[shard] === newcomer && owner?.startsWith("new") === true),
      );
    },
  );
  t.notThrows(() => fc.assert(property, { seed: 16, numRuns: 25 }));
});

test("a share that grows draws shards to its revision and moves no others", (t) => {
  const before = owners([...pods(3, "old", 90), ...pods(3, "new", 10)]);
  const after = owners([...pods(3, "old", 50), ...pods(3, "new", 50)]);
  for (const [shard, owner] of before.entries())
    t.true(owner === after[shard] || (owner?.startsWith("old") === true && after[shard]?.startsWith("new")));
});
