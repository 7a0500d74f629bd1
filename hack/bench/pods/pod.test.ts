// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { SHARDS } from "../../../pkg/base/mod.ts";
import type { ClusterView, MemberView, ShardView } from "../../../pkg/cluster/node/mod.ts";

import { range } from "../loader/job.ts";
import { cartsByOwner, ownersIn } from "./pod.ts";

const member = (pod: string): MemberView => ({
  member: `${pod}.1`,
  pod,
  revision: "",
  share: 100,
  isThisOne: false,
  state: "live",
  owned: 512,
  due: 512,
});

function viewOf(shards: readonly ShardView[]): ClusterView {
  return { self: "a.1", members: [member("a"), member("b")], shards };
}

const SHARED = range(0, SHARDS).map(
  (shard): ShardView => ({ shard, state: "owned", owner: shard % 2 === 0 ? "a.1" : "b.1", epoch: 1 }),
);

test("pods have settled when the right ones own all shards, and they are all that are expected", (t) => {
  const owners = ownersIn(viewOf(SHARED), ["a", "b"]);
  t.is(owners?.length, SHARDS);
  t.deepEqual(owners?.slice(0, 3), ["a", "b", "a"]);
  t.is(ownersIn(viewOf(SHARED), ["a"]), undefined);
  t.is(ownersIn(viewOf([]), ["a", "b"]), undefined);
  const moving = SHARED.with(5, { shard: 5, state: "due", owner: "a.1", epoch: 1, to: "b.1" });
  t.is(ownersIn(viewOf(moving), ["a", "b"]), undefined);
  const unknown = SHARED.with(5, { shard: 5, state: "owned", owner: "c.1", epoch: 1 });
  t.is(ownersIn(viewOf(unknown), ["a", "b"]), undefined);
});

test("every cart is at the one pod that owns its shard", (t) => {
  const entities = range(0, 1_000);
  const owners = ownersIn(viewOf(SHARED), ["a", "b"]) ?? [];
  const [atA = [], atB = []] = cartsByOwner(entities, owners, ["a", "b"]);
  t.is(atA.length + atB.length, entities.length);
  t.true(atA.length > 400 && atB.length > 400, `${atA.length} and ${atB.length}`);
});
