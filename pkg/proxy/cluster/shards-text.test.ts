// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { ClusterView, ShardView } from "../../cluster/node/mod.ts";

import { rangesOf, shardsText } from "./shards-text.ts";

const MEMBER = { revision: "shop-00002", share: 90, isThisOne: false, state: "live" } as const;

function owned(shard: number, owner: string, ownedForMs: number, epoch: number): ShardView {
  return { shard, state: "owned", stateForMs: ownedForMs, owner, ownedForMs, epoch };
}

test("members have a row each, and shards that move in the same way have one together", (t) => {
  const a = "pod-a.x1";
  const b = "pod-b.x2";
  const moving = { state: "draining", owner: a, ownedForMs: 90_500, epoch: 3, to: b } as const;
  const view: ClusterView = {
    self: a,
    members: [
      { ...MEMBER, member: a, pod: "pod-a", isThisOne: true, owned: 5, due: 3 },
      { ...MEMBER, member: b, pod: "pod-b", state: "silent", revision: "", share: 10, owned: 2, due: 4 },
      { ...MEMBER, member: "pod-c.x3", pod: "pod-c", state: "leaving", owned: 0, due: 0 },
    ],
    shards: [
      owned(0, a, 90_500, 3),
      owned(1, a, 4_300, 5),
      owned(2, a, 4_300, 4),
      owned(3, b, 7_512_000, 1),
      { ...moving, shard: 4, stateForMs: 12, open: 2 },
      { ...moving, shard: 5, stateForMs: 900, open: 1 },
      { shard: 6, state: "free", stateForMs: 40, epoch: 8, to: b },
      { shard: 7, state: "due", owner: a, ownedForMs: 1, epoch: 2, to: b },
      { shard: 8, state: "lost", stateForMs: 1_000 },
      { shard: 9, state: "due", owner: b, ownedForMs: 7_512_000, epoch: 1, to: a },
    ],
  };
  t.deepEqual(shardsText(view).split("\n"), [
    "cluster",
    "  member  pod-a.x1",
    "  shards  10, 6 move",
    "  members",
    "    member    state     revision    share  shards  due  since      epoch  which",
    "    pod-a.x1  this one  shop-00002  90     5       3    1ms-1m30s  2-5    0-2,4-5,7",
    "    pod-b.x2  silent    -           10     2       4    2h5m       1      3,9",
    "    pod-c.x3  leaving   shop-00002  90     0       0    -          -      -",
    "  moving",
    "    state     shards  since       epoch  owner     to        open  which",
    "    draining  2       12ms-900ms  3      pod-a.x1  pod-b.x2  3     4-5",
    "    free      1       40ms        8      -         pod-b.x2  0     6",
    "    due       1       -           2      pod-a.x1  pod-b.x2  0     7",
    "    lost      1       1s          -      -         -         0     8",
    "    due       1       -           1      pod-b.x2  pod-a.x1  0     9",
  ]);
});

test("nothing moves, or the proxy is no member: it says so", (t) => {
  const leaving = {
    ...MEMBER,
    member: "a.1",
    pod: "a",
    isThisOne: true,
    state: "leaving",
    owned: 0,
    due: 0,
  } as const;
  const still = shardsText({ self: "a.1", members: [leaving], shards: [owned(0, "b.1", 5, 1)] });
  t.regex(still, /^ {2}shards {2}1, none moves$/m);
  t.regex(still, /^ {2}moving {2}none$/m);
  t.regex(still, /^ {4}a\.1 +this one, leaving /m);
  t.regex(
    shardsText({ self: undefined, members: [], shards: [] }),
    /^ {2}member +none at the moment; the rest is /m,
  );
});

test("shards are shown as ranges, and of many only the first", (t) => {
  for (const [numbers, text] of [
    [[], "-"],
    [[7], "7"],
    [[0, 1, 2, 3, 7], "0-3,7"],
    [[0, 2, 4, 6, 8, 10], "0,2,4,6,8,10"],
    [[0, 2, 4, 5, 6, 8, 10, 12, 14, 15], "0,2,4-6,8,10,12,… (2 more)"],
    [Array.from({ length: 1_024 }, (_, shard) => shard), "0-1023"],
  ] as const)
    t.is(rangesOf(numbers), text);
});
