// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";

import test from "ava";
import fc from "fast-check";

import type { Sender } from "./fair-queue.ts";
import { FairQueue } from "./fair-queue.ts";

const GROUPS = [{}, {}, {}];
const SENDERS: readonly Sender[] = Array.from({ length: 9 }, (_, index) => ({
  group: GROUPS[index % GROUPS.length] ?? {},
}));

interface Item {
  readonly sender: Sender;
  readonly size: number;
  readonly order: number;
  isWanted: boolean;
}

type Operation =
  | { readonly kind: "push"; readonly sender: number; readonly size: number }
  | { readonly kind: "take" }
  /** The item that came so many before the latest is not wanted any more. */
  | { readonly kind: "give up"; readonly back: number };

const operations: fc.Arbitrary<readonly Operation[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("push" as const),
        sender: fc.nat(SENDERS.length - 1),
        size: fc.nat(9),
      }),
    },
    { weight: 5, arbitrary: fc.constant({ kind: "take" as const }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("give up" as const), back: fc.nat(5) }) },
  ),
  { maxLength: 120 },
);

/** Does the operations, takes what is left, and calls `onTake` with each item and what was wanted just before. */
function run(all: readonly Operation[], onTake: (item: Item, waiting: readonly Item[]) => void): Item[] {
  const queue = new FairQueue<Item>(({ isWanted }) => isWanted);
  const pushed: Item[] = [];
  const taken = new Set<Item>();
  const take = (): boolean => {
    const waiting = pushed.filter((item) => item.isWanted && !taken.has(item));
    const item = queue.take();
    assert.equal(item === undefined, waiting.length === 0);
    if (item === undefined) return false;
    assert.ok(waiting.includes(item), "an item that waits, and is wanted");
    taken.add(item);
    onTake(item, waiting);
    return true;
  };
  for (const each of all) {
    if (each.kind === "take") take();
    else if (each.kind === "give up") {
      const item = pushed.at(-1 - each.back);
      if (item !== undefined) item.isWanted = false;
    } else {
      const sender = SENDERS[each.sender] as Sender;
      const item = { sender, size: each.size, order: pushed.length, isWanted: true };
      pushed.push(item);
      queue.push(sender, item, each.size);
    }
  }
  while (take());
  assert.ok(queue.isEmpty, "nothing is left (6)");
  return [...taken];
}

const firstOf = (sender: Sender, waiting: readonly Item[]): Item | undefined =>
  waiting.find((item) => item.sender === sender);

test("each item is taken once, and those of a sender in their order (1, 5, 6)", (t) => {
  const property = fc.property(operations, (all) => {
    run(all, (item, waiting) => assert.equal(firstOf(item.sender, waiting), item));
  });
  t.notThrows(() => fc.assert(property));
});

test("no group gives two items while another waits for its turn (2)", (t) => {
  const property = fc.property(operations, (all) => {
    /** What other groups have given since the group last gave one, or has something to give. */
    const passed = new Map<object, object[]>();
    run(all, ({ sender }, waiting) => {
      const groups = new Set(waiting.map((item) => item.sender.group));
      for (const group of groups) {
        const others = passed.get(group) ?? [];
        if (group !== sender.group) assert.ok(!others.includes(sender.group), "a second turn");
        passed.set(group, group === sender.group ? [] : [...others, sender.group]);
      }
      for (const group of passed.keys()) if (!groups.has(group)) passed.delete(group);
    });
  });
  t.notThrows(() => fc.assert(property));
});

test("every second item of a group is of the sender that waits longest, the others are the smallest (3, 4)", (t) => {
  const property = fc.property(operations, (all) => {
    const wasFair = new Map<object, boolean>();
    /** How many items of its group were taken since a sender had a turn, or had something to give. */
    const waits = new Map<Sender, number>();
    run(all, (item, waiting) => {
      const { group } = item.sender;
      const senders = new Set(waiting.map(({ sender }) => sender).filter((each) => each.group === group));
      for (const sender of waits.keys())
        if (!senders.has(sender) && sender.group === group) waits.delete(sender);
      for (const sender of senders) if (!waits.has(sender)) waits.set(sender, 0);
      const isLongest = [...senders].every((each) => (waits.get(each) ?? 0) <= (waits.get(item.sender) ?? 0));
      const sizes = [...senders].map((sender) => firstOf(sender, waiting)?.size ?? 0);
      assert.ok(isLongest || item.size === Math.min(...sizes), "it is the smallest, or waits longest");
      assert.ok(isLongest || wasFair.get(group) !== false, "of two, one is of the sender that waits longest");
      wasFair.set(group, isLongest);
      for (const sender of senders) waits.set(sender, (waits.get(sender) ?? 0) + 1);
      waits.delete(item.sender);
    });
  });
  t.notThrows(() => fc.assert(property));
});

test("one of each other group, and one larger of its own, is what a small item waits for at most (2, 4)", (t) => {
  const queue = new FairQueue<string>(() => true);
  const [own = {}, other = {}] = GROUPS;
  for (let i = 0; i < 40; i++) {
    queue.push({ group: own }, "large", 1_000_000);
    queue.push({ group: other }, "of another group", 1_000_000);
  }
  queue.take();
  queue.push({ group: own }, "small", 100_000);
  const order = Array.from({ length: 4 }, () => queue.take());
  t.deepEqual(order, ["of another group", "large", "of another group", "small"]);
});
