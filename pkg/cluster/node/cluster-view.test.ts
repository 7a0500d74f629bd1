// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { SHARDS } from "../../base/mod.ts";

import type { ClusterView, ShardView } from "./cluster-view.ts";
import { progressOf, viewOf } from "./cluster-view.ts";
import type { Entry } from "./owners.ts";
import { memberInfo } from "./test-lib/member-info.ts";
import { FREE, NodeWorld, other, owner, SIZE } from "./test-lib/node-world.ts";

const view = ({ node, nowMs }: NodeWorld): ClusterView => viewOf(node, nowMs);

/** The first shard in a state. */
function first(world: NodeWorld, state: ShardView["state"]): Partial<ShardView> {
  return view(world).shards.find((shard) => shard.state === state) ?? {};
}

const segmentOf = (entry: Entry): readonly Entry[] => FREE.map(() => entry);

test("a member that owns everything says since when and in which epoch", (t) => {
  const world = owner();
  world.nowMs += 5_000;
  const { self, members, shards } = view(world);
  t.is(self, "a.1");
  t.deepEqual(members, [
    {
      member: "a.1",
      pod: "a",
      revision: "one",
      share: 100,
      isThisOne: true,
      state: "live",
      owned: SHARDS,
      due: SHARDS,
    },
  ]);
  t.is(shards.length, SHARDS);
  const owned = { state: "owned", stateForMs: 5_000, ownedForMs: 5_000, owner: "a.1", epoch: 3, open: 0 };
  t.deepEqual(shards[17], { shard: 17, ...owned } as ShardView);
  t.deepEqual(progressOf(world.node), { due: SHARDS, served: SHARDS });
});

test("a shard that moves says how far it is, since when, and where it goes", (t) => {
  const world = owner();
  const tickets = Array.from({ length: SHARDS }, (_, shard) => world.node.begin(shard, world.nowMs)!);
  world.handle(other(60));
  world.tick(50);
  world.nowMs += 200;
  const draining = first(world, "draining");
  t.like(draining, { stateForMs: 200, ownedForMs: 250, owner: "a.1", epoch: 3, open: 1, to: "b.1" });
  const shard = draining.shard!;
  const steps = (): Partial<ShardView> => view(world).shards[shard] ?? {};
  world.node.end(tickets[shard]!, world.nowMs);
  world.nowMs += 30;
  t.like(steps(), { state: "packing", stateForMs: 30, ownedForMs: 280, to: "b.1" });
  const [write] = world.handle({ kind: "packed", shard, epoch: 3 });
  world.nowMs += 40;
  t.like(steps(), { state: "releasing", stateForMs: 40, ownedForMs: 320 });
  if (write?.kind !== "write-segment") return t.fail();
  world.segment(write.segment, 90, write.entries);
  world.nowMs += 5;
  t.deepEqual(steps(), { shard, state: "owned", stateForMs: 5, ownedForMs: 5, owner: "b.1", epoch: 4 });
  // What was written of the same segment, and has not changed, is as old as before.
  t.is(first(world, "owned").ownedForMs, 325);
  const { due, served } = progressOf(world.node);
  t.true(due === served && due < SHARDS);
  const given = write.entries.map(
    (entry, index): Entry => (index === shard % SIZE ? { kind: "free", epoch: 5 } : entry),
  );
  world.segment(write.segment, 91, given);
  world.nowMs += 5;
  t.deepEqual(steps(), { shard, state: "free", stateForMs: 5, epoch: 5, to: "b.1" });
});

test("what others own is owned, due, or without its owner, and what is wiped is lost", (t) => {
  const world = owner();
  world.handle(other(60));
  const { shards } = view(world);
  const mine = shards.findIndex(({ to }) => to === undefined);
  const its = shards.findIndex(({ to }) => to === "b.1");
  t.true(mine < 64 && its < 64);
  world.segment(0, 80, segmentOf({ kind: "owned", epoch: 7, owner: "b.1", leaseMs: 500 }));
  world.nowMs += 100;
  const at = (shard: number) => view(world).shards[shard];
  t.deepEqual(at(its), {
    shard: its,
    state: "owned",
    stateForMs: 100,
    owner: "b.1",
    ownedForMs: 100,
    epoch: 7,
  });
  t.deepEqual(at(mine), { shard: mine, state: "due", owner: "b.1", ownedForMs: 100, epoch: 7, to: "a.1" });

  world.handle({ kind: "member-gone", id: "b.1", revision: 81 });
  world.nowMs += 20;
  t.like(at(its), { state: "owner gone", stateForMs: 20, owner: "b.1", ownedForMs: 120, to: "a.1" });
  t.like(view(world).members[1], { member: "b.1", state: "gone", owned: 64, due: 0 });

  world.segment(0, 82, segmentOf({ kind: "lost" }));
  world.nowMs += 10;
  t.deepEqual(at(0), { shard: 0, state: "lost", stateForMs: 10, to: "a.1" });
  t.is(view(world).members.length, 1, "a member that is gone and owns nothing is not shown");
});

test("a member is silent when nothing is heard of it, leaving when it says so, and unseen without a key", (t) => {
  const world = owner();
  const state = () => view(world).members.find(({ member }) => member === "b.1")?.state;
  world.segment(0, 80, segmentOf({ kind: "owned", epoch: 7, owner: "b.1", leaseMs: 500 }));
  t.is(state(), "unseen");
  world.handle(other(81));
  t.is(state(), "live");
  world.tick(1_250);
  t.is(state(), "silent");
  const info = memberInfo({ pod: "b", isLeaving: true });
  world.handle({ kind: "member-seen", id: "b.1", info, revision: 82 });
  t.is(state(), "leaving");
  world.handle({ kind: "leave" });
  t.like(view(world).members[0], { isThisOne: true, state: "leaving" });
});

test("one that has read nothing yet says so, and one that was fenced is no member", (t) => {
  const early = new NodeWorld();
  t.is(view(early).self, undefined);
  t.deepEqual(view(early).members, []);
  t.deepEqual(view(early).shards[3], { shard: 3, state: "unknown" });

  const world = owner();
  world.handle({ kind: "member-gone", id: "a.1", revision: 70 });
  t.is(view(world).self, undefined);
  t.like(view(world).members, { 0: { member: "a.1", isThisOne: false, state: "gone" }, length: 1 });
  t.is(first(world, "owner gone").shard, 0);
  t.deepEqual(progressOf(world.node), { due: 0, served: 0 });
});
