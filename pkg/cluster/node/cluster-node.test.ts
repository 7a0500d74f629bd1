// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { SEGMENTS, SHARDS } from "../../base/mod.ts";

import type { ClusterEffect, ClusterInput } from "./cluster-messages.ts";
import { PATIENCE_MS } from "./handoff-order.ts";
import type { Ticket } from "./may-reply.ts";
import { DEFAULT_MEMBER_TIMES } from "./member.ts";
import type { Entry } from "./owners.ts";
import { memberInfo } from "./test-lib/member-info.ts";
import { FREE, NodeWorld, other, owner, SIZE } from "./test-lib/node-world.ts";

type Renewal = Extract<ClusterEffect, { kind: "renew" }>;

function renewalIn(effects: readonly ClusterEffect[]): Renewal | undefined {
  return effects.find((effect): effect is Renewal => effect.kind === "renew");
}

function owned(owner: string, epoch: number): Entry {
  return { kind: "owned", epoch, owner, leaseMs: 500 };
}

function packsIn(
  effects: readonly ClusterEffect[],
): readonly { readonly shard: number; readonly epoch: number }[] {
  return effects.flatMap((effect) => (effect.kind === "pack" ? [effect] : []));
}

/** A tick, before which the other member was heard. */
function tickLater(world: NodeWorld, afterMs: number): readonly ClusterEffect[] {
  world.handle({ kind: "heard", id: "b.1" });
  return world.tick(afterMs);
}

/** Time passes, in which the other member is heard and renewals are stored. */
function pass(world: NodeWorld, ms: number): void {
  for (const endMs = world.nowMs + ms; world.nowMs < endMs; ) {
    const renewal = renewalIn(tickLater(world, 50));
    if (renewal !== undefined)
      world.handle({ kind: "stored", id: renewal.id, revision: renewal.revision + 1 });
  }
}

/** The shards that are given up, one segment after the other, although none of them is ever packed. */
function shardsGivenUp(world: NodeWorld): readonly number[] {
  return Array.from({ length: SEGMENTS }, () => packsIn(tickLater(world, PATIENCE_MS)))
    .flat()
    .map(({ shard }) => shard);
}

test("a lone member claims all shards in 16 writes, and is settled then", (t) => {
  const world = new NodeWorld();
  for (let segment = 0; segment < SEGMENTS; segment++) world.segment(segment, segment + 1, FREE);
  t.deepEqual(
    world.tick().map(({ kind }) => kind),
    ["join"],
  );
  t.false(world.node.isSettled);
  world.handle({ kind: "stored", id: "a.1", revision: 20 });
  const writes = world.tick().filter(({ kind }) => kind === "write-segment");
  t.is(writes.length, SEGMENTS);
  t.is(world.tick(50).filter(({ kind }) => kind === "write-segment").length, 0, "one write at a time");
  for (const effect of writes)
    if (effect.kind === "write-segment") world.segment(effect.segment, 30 + effect.segment, effect.entries);
  t.true(world.node.isSettled);
  t.is(world.node.tenures.size, SHARDS);
  t.deepEqual(world.node.ownerOf(17), { kind: "here" });
});

test("a member that joins gets about half of the shards, when no command of them is open", (t) => {
  const world = owner();
  const tickets = Array.from({ length: SHARDS }, (_, shard) => world.node.begin(shard, world.nowMs)!);
  world.handle(other(60));
  const moving = (): readonly number[] =>
    [...world.node.tenures].filter(([, { kind }]) => kind === "draining").map(([shard]) => shard);
  world.tick(50);
  const shard = moving()[0]!;
  t.deepEqual(world.node.ownerOf(shard), { kind: "moving" });
  t.is(world.node.begin(shard, world.nowMs), undefined);
  t.is(world.node.mayReply(tickets[shard]!, world.nowMs), "reply");
  world.sent.length = 0;
  world.node.end(tickets[shard]!, world.nowMs);
  t.deepEqual(world.sent, [{ kind: "pack", shard, epoch: 3 }]);
  const [write] = world.handle({ kind: "packed", shard, epoch: 3 });
  t.is(write?.kind, "write-segment");
  if (write?.kind === "write-segment") t.deepEqual(write.entries[shard % SIZE], owned("b.1", 4));
  for (let segment = 0; segment < SEGMENTS; segment++) tickLater(world, PATIENCE_MS);
  const others = moving().length;
  t.true(others > 400 && others < 624, `${others} move`);
});

test("shards are given up one segment after the other, and each segment is released by one write", (t) => {
  const world = owner();
  world.handle(other(60));
  const order: number[] = [];
  let effects = world.tick(50);
  for (let revision = 100; order.length < SEGMENTS; revision++) {
    const packs = packsIn(effects);
    const segments = new Set(packs.map(({ shard }) => Math.floor(shard / SIZE)));
    t.is(segments.size, 1);
    order.push(...segments);
    t.deepEqual(packsIn(tickLater(world, PATIENCE_MS - 1)), []);
    const writes = packs.flatMap(({ shard, epoch }) => world.handle({ kind: "packed", shard, epoch }));
    const [write, ...more] = writes.filter((effect) => effect.kind === "write-segment");
    t.deepEqual(more, []);
    if (write === undefined) return t.fail("it is released");
    t.is(
      write.entries.filter((entry) => entry.kind === "owned" && entry.owner === "b.1").length,
      packs.length,
    );
    // The next ones need no tick.
    effects = world.segment(write.segment, revision, write.entries);
  }
  t.deepEqual(
    [...order].sort((one, two) => one - two),
    Array.from({ length: SEGMENTS }, (_, segment) => segment),
  );
  t.deepEqual(packsIn(effects), []);
});

test("and the last segment is given up in time, although commands of the others end one after the other", (t) => {
  const world = owner();
  const tickets = Array.from({ length: SHARDS }, (_, shard) => world.node.begin(shard, world.nowMs)!);
  world.handle(other(60));
  const segments = new Set<number>();
  for (let passedMs = 0; passedMs <= SEGMENTS * PATIENCE_MS; passedMs += 50) {
    tickLater(world, 50);
    const draining = [...world.node.tenures].filter(([, { kind }]) => kind === "draining");
    for (const [shard] of draining) segments.add(Math.floor(shard / SIZE));
    const [first] = draining;
    if (first !== undefined) world.node.end(tickets[first[0]]!, world.nowMs);
  }
  t.is(segments.size, SEGMENTS);
});

/** A member with a command open in each shard, of which it has given up those that another one should have. */
function busyOwner(): { readonly world: NodeWorld; readonly tickets: Ticket[]; readonly given: number } {
  const world = owner();
  const tickets = Array.from({ length: SHARDS }, (_, shard) => world.node.begin(shard, world.nowMs)!);
  world.handle(other(60));
  pass(world, SEGMENTS * PATIENCE_MS);
  const [given = -1] = [...world.node.tenures].find(([, { kind }]) => kind === "draining") ?? [];
  return { world, tickets, given };
}

const kindOf = ({ node }: NodeWorld, shard: number): string | undefined => node.tenures.get(shard)?.kind;
const { keepAfterMs } = DEFAULT_MEMBER_TIMES;

test("a shard whose command is open for long is served again until that ends", (t) => {
  const { world, tickets, given } = busyOwner();
  t.is(kindOf(world, given), "draining");
  t.is(world.node.begin(given, world.nowMs), undefined);
  pass(world, keepAfterMs);
  t.is(kindOf(world, given), "serving");
  const late = world.node.begin(given, world.nowMs);
  if (late === undefined) return t.fail("it is served");
  pass(world, keepAfterMs / 4);
  t.is(kindOf(world, given), "serving");
  for (const ticket of [...tickets, late]) world.node.end(ticket, world.nowMs);
  pass(world, SEGMENTS * PATIENCE_MS);
  t.is(kindOf(world, given), "packing");
});

test("and however long its commands take, it waits twice as long for them each time", (t) => {
  const { world, given } = busyOwner();
  const changes: [kind: string | undefined, atMs: number][] = [];
  for (const endMs = world.nowMs + 16 * keepAfterMs; world.nowMs < endMs; pass(world, 50)) {
    const kind = kindOf(world, given);
    if (kind !== changes.at(-1)?.[0]) changes.push([kind, world.nowMs]);
  }
  const lasted = changes
    .slice(1)
    .map(([, atMs], index) => [changes[index]?.[0], atMs - (changes[index]?.[1] ?? 0)]);
  const drains = lasted.filter(([kind]) => kind === "draining").slice(1);
  t.deepEqual(drains, [
    ["draining", 2 * keepAfterMs],
    ["draining", 4 * keepAfterMs],
  ]);
});

test("one that leaves waits for no command that is open for long", (t) => {
  const world = owner();
  for (let shard = 0; shard < SHARDS; shard++) world.node.begin(shard, world.nowMs);
  world.handle({ kind: "leave" });
  world.handle({ kind: "stored", id: "a.1", revision: 70 });
  world.handle(other(60));
  pass(world, 2 * keepAfterMs);
  t.true([...world.node.tenures.values()].every(({ kind }) => kind === "draining"));
});

test("a shard that another member hands over is served as soon as the bucket names this one", (t) => {
  const world = owner();
  world.handle(other(60));
  world.segment(
    0,
    80,
    FREE.map(() => owned("b.1", 7)),
  );
  t.deepEqual(world.node.ownerOf(5), { kind: "peer", peer: "b.1" });
  const handedOver = FREE.map((_, index) => owned(index === 5 ? "a.1" : "b.1", index === 5 ? 8 : 7));
  const effects = world.segment(0, 81, handedOver);
  t.deepEqual(
    effects.filter(({ kind }) => kind === "take" || kind === "write-segment"),
    [{ kind: "take", shard: 5, epoch: 8 }],
  );
  t.deepEqual(world.node.ownerOf(5), { kind: "here" });
});

test("and so it is if the bucket names this member before it knows that it has joined", (t) => {
  const world = new NodeWorld();
  world.tick();
  world.handle(other(60));
  for (let segment = 0; segment < SEGMENTS; segment++)
    world.segment(
      segment,
      70 + segment,
      FREE.map(() => owned(segment === 0 ? "a.1" : "b.1", 8)),
    );
  t.deepEqual(world.node.ownerOf(5), { kind: "moving" });
  const effects = world.handle({ kind: "stored", id: "a.1", revision: 61 });
  t.is(effects.filter(({ kind }) => kind === "take").length, SIZE);
  t.deepEqual(world.node.ownerOf(5), { kind: "here" });
});

test("a fenced member drops every shard, and its answers are over", (t) => {
  const world = owner();
  const ticket = world.node.begin(5, world.nowMs)!;
  const effects = world.handle({ kind: "member-gone", id: "a.1", revision: 70 });
  t.is(effects.filter(({ kind }) => kind === "drop").length, SHARDS);
  t.is(world.node.mayReply(ticket, world.nowMs), "over");
  t.deepEqual(world.node.ownerOf(5), { kind: "moving" });
});

test("the shards of a member that is gone are taken 600 ms later", (t) => {
  const world = owner();
  world.handle(other(60));
  const entries = FREE.map(() => owned("b.1", 7));
  world.segment(0, 80, entries);
  t.deepEqual(world.node.ownerOf(3), { kind: "peer", peer: "b.1" });
  world.handle({ kind: "member-gone", id: "b.1", revision: 81 });
  t.deepEqual(world.node.ownerOf(3), { kind: "moving" });
  t.false(world.tick(599).some(({ kind }) => kind === "write-segment"));
  t.true(world.tick(1).some((effect) => effect.kind === "write-segment" && effect.segment === 0));
});

test("a wiped segment is given up at once, and taken again when every member has seen that it was", (t) => {
  const world = owner();
  world.handle(other(60));
  const effects = world.segment(0, 90, undefined);
  t.is(effects.filter(({ kind }) => kind === "drop").length, SIZE);
  const filled = effects.find((effect) => effect.kind === "write-segment");
  t.is(filled?.kind === "write-segment" && filled.entries[0]?.kind, "lost");
  if (filled?.kind !== "write-segment") return;
  world.segment(0, 91, filled.entries);
  const takes = (): boolean =>
    world.tick(300).some((effect) => effect.kind === "write-segment" && effect.segment === 0);
  t.false(takes());
  t.false(takes());
  t.false(takes(), "the other one may still serve it");
  world.handle(other(92, 91));
  t.true(takes());
});

test("of many members it hears three, and more only while one of these is silent", (t) => {
  const world = owner();
  const members = Array.from({ length: 20 }, (_, index) => `pod-${index}.1`);
  for (const [index, id] of members.entries())
    world.handle({ kind: "member-seen", id, info: memberInfo({ pod: id, share: 0 }), revision: 100 + index });
  const listens = (effects: readonly ClusterEffect[]) =>
    effects.flatMap((effect) => (effect.kind === "listen" ? [effect.ids] : []));
  const [heard = [], ...more] = listens(world.tick(50));
  t.is(heard.length, 3);
  t.deepEqual(more, []);
  t.deepEqual(listens(world.tick(1_000)), []);
  for (const id of heard.slice(1)) world.handle({ kind: "heard", id });
  const asks = world.tick(300).flatMap((effect) => (effect.kind === "ping" ? [effect.id] : []));
  t.deepEqual(asks, [heard[0]]);
  const [further = []] = listens(world.tick(50));
  t.deepEqual(further.slice(0, 3), heard);
  t.is(further.length, 4, "and whoever follows");
  for (const id of further) world.handle({ kind: "heard", id });
  t.deepEqual(listens(world.tick(50)), [heard]);

  world.handle({ kind: "member-gone", id: heard[0]!, revision: 200 });
  t.deepEqual(listens(world.tick(50)), [further.slice(1)]);
});

test("a member of which only an entry is known is heard besides, until its key is seen", (t) => {
  const world = owner();
  for (const name of ["b", "c", "d", "e"]) {
    const seen = other(60);
    if (seen.kind === "member-seen")
      world.handle({ ...seen, id: `${name}.1`, info: { ...seen.info, pod: name } });
  }
  world.tick(50);
  const entries = FREE.map(() => owned("z.1", 7));
  world.segment(0, 80, entries);
  const listen = world.tick(50).find((effect) => effect.kind === "listen");
  t.true(listen?.kind === "listen" && listen.ids.includes("z.1") && listen.ids.length >= 3);
});

test("entries that are lost are told of as soon as they are seen, also by who wrote them", (t) => {
  const world = new NodeWorld();
  world.tick();
  world.handle({ kind: "stored", id: "a.1", revision: 1 });
  world.segment(0, 0, undefined);
  const [write] = world.rewrites();
  if (write === undefined) return t.fail("it fills the segment in");
  const { entries } = write;
  // The answer to the write comes before the watch shows it.
  world.handle({ kind: "segment-seen", segment: 0, revision: 2, entries, isWatched: false });
  t.is(renewalIn(world.tick(50)), undefined, "it has not seen all changes yet");
  world.segment(0, 2, entries);
  t.is(renewalIn(world.tick(50))?.info.seenRevision, 2);
});

test("lost shards are taken when the longest lease is over that anybody knows of", (t) => {
  const lost = FREE.map((): Entry => ({ kind: "lost" }));
  const takes = (world: NodeWorld): boolean =>
    world
      .rewrites()
      .some(({ segment, entries }) => segment === 0 && entries.some(({ kind }) => kind === "owned"));
  const ways: Readonly<Record<string, (world: NodeWorld) => void>> = {
    "of a member that is there": (world) => void world.handle(other(60, 99, { leaseMs: 2_000 })),
    "of one that another has met": (world) => void world.handle(other(60, 99, { longestLeaseMs: 2_000 })),
    "of one whose bucket was replaced": (world) => {
      world.handle(other(60, 99, { leaseMs: 2_000 }));
      world.handle({ kind: "reset" });
      world.tick();
      world.handle({ kind: "stored", id: "a.2", revision: 20 });
    },
  };
  for (const [name, meet] of Object.entries(ways)) {
    const world = owner();
    meet(world);
    world.rewrites();
    world.segment(0, 91, lost);
    for (let waitedMs = 0; waitedMs < 2_400; waitedMs += 100) {
      t.false(takes(world), `${name}: after ${waitedMs} ms`);
      world.handle({ kind: "heard", id: "b.1" });
      world.tick(100);
    }
    t.true(takes(world), name);
  }
});

test("one that has met a member with a longer lease says so, until that lease is over", (t) => {
  const world = owner();
  const longest = (): number | undefined => renewalIn(world.tick(2_000))?.info.longestLeaseMs;
  t.is(longest(), 500);
  world.handle({ kind: "stored", id: "a.1", revision: 60 });
  world.handle(other(61, 0, { leaseMs: 5_000 }));
  t.is(longest(), 5_000);
  world.handle({ kind: "stored", id: "a.1", revision: 62 });
  world.handle({ kind: "member-gone", id: "b.1", revision: 63 });
  t.is(longest(), 5_000);
  world.handle({ kind: "stored", id: "a.1", revision: 64 });
  world.nowMs += 1_000;
  t.is(longest(), 5_000);
  world.handle({ kind: "stored", id: "a.1", revision: 65 });
  t.is(longest(), 500);
});

test("one that leaves tells so first, gives everything up, and goes", (t) => {
  const world = owner();
  const [news, ...rest] = world.handle({ kind: "leave" });
  t.true(news?.kind === "renew" && news.info.isLeaving);
  const packed = rest.flatMap((effect): ClusterInput[] =>
    effect.kind === "pack" ? [{ kind: "packed", shard: effect.shard, epoch: effect.epoch }] : [],
  );
  t.is(packed.length, SHARDS);
  world.handle({ kind: "stored", id: "a.1", revision: 99 });
  for (const input of packed) world.handle(input);
  let revision = 100;
  // Each segment is written once more, because its first write was sent when one shard was packed.
  for (let round = 0; round < 2; round++)
    for (const effect of world.rewrites()) world.segment(effect.segment, ++revision, effect.entries);
  t.is(world.node.tenures.size, 0);
  t.deepEqual(world.tick(50), [{ kind: "leave", id: "a.1", revision: 99 }]);
});

test("one that stands aside keeps what nobody can take, and stays a member", (t) => {
  const world = owner();
  const [news, ...rest] = world.handle({ kind: "stand-aside" });
  t.true(news?.kind === "renew" && news.info.isLeaving);
  t.false(rest.some(({ kind }) => kind === "pack"));
  world.handle({ kind: "stored", id: "a.1", revision: 99 });
  t.false(world.tick(50).some(({ kind }) => kind === "pack"));
  t.is(world.node.tenures.size, SHARDS);

  world.handle(other(100));
  t.is(shardsGivenUp(world).length, SHARDS);
  t.is(world.node.id, "a.1");
});

test("one that stands aside from the beginning says so when it joins, and gets no shards", (t) => {
  const world = new NodeWorld({ isAside: true });
  world.handle(other(1));
  for (let segment = 0; segment < SEGMENTS; segment++)
    world.segment(
      segment,
      segment + 2,
      FREE.map(() => owned("b.1", 1)),
    );
  const [join] = world.tick().filter(({ kind }) => kind === "join");
  t.true(join?.kind === "join" && join.info.isLeaving);
  world.handle({ kind: "stored", id: "a.1", revision: 20 });
  t.true(world.node.dueOwners().every((id) => id === "b.1"));
  world.handle({ kind: "come-back" });
  t.true(world.node.dueOwners().includes("a.1"));
});

test("those that stand aside together serve what nobody else can, until somebody comes", (t) => {
  const world = owner();
  world.rewrites();
  world.handle({ kind: "stand-aside" });
  world.handle({ kind: "stored", id: "a.1", revision: 99 });
  world.handle(other(100, 0, { isLeaving: true }));
  t.is(world.node.tenures.size, SHARDS);
  world.segment(0, 101, FREE);
  t.deepEqual(
    world.rewrites().map(({ segment }) => segment),
    [0],
    "it takes what is free",
  );
  t.false(world.node.hasHeir);
  world.handle(other(102, 0, { isLeaving: false }));
  t.true(world.node.hasHeir);
  t.is(shardsGivenUp(world).length, SHARDS - SIZE);
});

test("one that comes back tells so, and takes its part again", (t) => {
  const world = owner();
  world.handle(other(60));
  world.rewrites();
  world.handle({ kind: "stand-aside" });
  world.handle({ kind: "stored", id: "a.1", revision: 99 });
  world.segment(0, 100, FREE);
  t.deepEqual(world.rewrites(), []);
  const effects = world.handle({ kind: "come-back" });
  const news = effects.find((effect) => effect.kind === "renew");
  t.true(news?.kind === "renew" && !news.info.isLeaving);
  t.deepEqual(
    world.rewrites().map(({ segment }) => segment),
    [0],
  );
});
