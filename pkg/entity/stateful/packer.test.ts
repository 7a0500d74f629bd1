// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { ManualClock } from "../../base/test-doubles/mod.ts";
import type { EntityKey, EventLog } from "../../eventlog/mod.ts";
import { NO_TELEMETRY } from "../../telemetry/mod.ts";

import { until } from "../../../test/lib/until.ts";
import { answering, bound, world } from "../testdata/world.ts";
import { Packer } from "./packer.ts";

/** A log whose packs end only when `finish` is called. */
function slowPacks(log: EventLog): { log: EventLog; packing: string[]; finish: (error?: Error) => void } {
  const packing: string[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const pack = ({ id }: EntityKey) =>
    new Promise<void>((resolve, reject) => {
      packing.push(id);
      ends.push((error) => (error === undefined ? resolve() : reject(error)));
    });
  return { log: { ...bound(log), pack }, packing, finish: (error) => ends.shift()?.(error) };
}

const EIGHT = Array.from({ length: 8 }, () => ({ events: ["x"] }));

test("an entity that leaves memory with eight records behind its snapshot has its history packed, once it is gone", async (t) => {
  let packs: ReturnType<typeof slowPacks> | undefined;
  const { send, clock, runtime } = await world(
    t,
    answering((commandId) => (commandId === 9n ? { events: ["x"], snapshot: "state" } : { events: ["x"] })),
    { log: (log) => (packs = slowPacks(log)).log },
  );
  const leave = async () => {
    clock.advance(30_000);
    await until("it has left memory", () => runtime.active === 0);
  };
  for (let i = 0; i < 7; i++) await send("a");
  await leave();
  t.deepEqual(packs?.packing, []);
  await send("a");
  await leave();
  t.deepEqual(packs?.packing, ["a"]);
  // The entity serves commands while it is still being packed.
  await send("a");
  packs?.finish(new Error("no"));
  for (let i = 0; i < 10; i++) await send("b");
  await leave();
  t.deepEqual(packs?.packing, ["a", "a"]);
});

test("I11: so many are packed at once, so many wait, and the others are left out; one that fails harms no other", async (t) => {
  const { log } = await world(t, undefined);
  const { log: slow, packing, finish } = slowPacks(log);
  const options = { maxPacks: 2, maxPendingPacks: 3, packTimeoutMs: 1_000 };
  const packer = new Packer(slow, new ManualClock(0), NO_TELEMETRY, options);
  for (const id of ["a", "b", "c", "d", "e", "f", "g"]) packer.add({ type: "t", id }, 1);
  t.deepEqual(packing, ["a", "b"]);
  finish(new Error("no"));
  await until("the next one", () => packing.length === 3);
  for (let i = 0; i < 4; i++) {
    finish();
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.deepEqual(packing, ["a", "b", "c", "d", "e"]);
  packer.add({ type: "t", id: "later" }, 1);
  t.is(packing.at(-1), "later");
});

test("histories of a shard that moves are packed before all others, and nobody waits for those (I9)", async (t) => {
  const { log } = await world(t, undefined);
  const { log: slow, packing, finish } = slowPacks(log);
  const options = { maxPacks: 1, maxPendingPacks: 100, packTimeoutMs: 1_000 };
  const packer = new Packer(slow, new ManualClock(0), NO_TELEMETRY, options);
  for (const id of ["a", "b", "c"]) packer.add({ type: "t", id }, 1);
  for (const id of ["x", "y"]) packer.add({ type: "t", id }, 2);
  let isSettled = false;
  const settled = packer.shardSettled(2).then(() => (isSettled = true));
  const all = packer.settled();
  const next = async () => {
    finish();
    await new Promise((resolve) => setImmediate(resolve));
  };
  await next();
  await next();
  t.deepEqual(packing, ["a", "x", "y"]);
  t.false(isSettled);
  t.deepEqual(packer.open, { waiting: 2, working: 1 });
  await next();
  await settled;
  t.deepEqual(packing, ["a", "x", "y", "b"]);
  await packer.shardSettled(3);
  await next();
  await next();
  await all;
  t.deepEqual(packer.open, { waiting: 0, working: 0 });
});

test("stopping packs what is still there to pack, for packTimeoutMs at most", async (t) => {
  let packs: ReturnType<typeof slowPacks> | undefined;
  const { send, clock, runtime } = await world(
    t,
    answering((commandId) => EIGHT[Number(commandId) - 1] ?? {}),
    { log: (log) => (packs = slowPacks(log)).log, options: { maxPacks: 1, packTimeoutMs: 500 } },
  );
  for (const id of ["a", "b", "c"]) for (let i = 0; i < 8; i++) await send(id);
  let stopped = false;
  const stopping = runtime.stop().then(() => (stopped = true));
  await until("the first is packed", () => packs?.packing.length === 1);
  packs?.finish();
  await until("the second is packed", () => packs?.packing.length === 2);
  t.is(runtime.active, 0);
  t.false(stopped);
  clock.advance(500);
  await stopping;
  packs?.finish();
  await new Promise((resolve) => setImmediate(resolve));
  t.is(packs?.packing.length, 2);
});

test("all are passivated when what left memory is packed, too", async (t) => {
  let packs: ReturnType<typeof slowPacks> | undefined;
  const { send, runtime } = await world(
    t,
    answering(() => ({ events: ["x"] })),
    { log: (log) => (packs = slowPacks(log)).log, options: { packRecords: 1 } },
  );
  await send("a");
  let passivated = false;
  const passivating = runtime.passivateAll().then(() => (passivated = true));
  await until("it is being packed", () => packs?.packing.length === 1);
  t.is(runtime.active, 0);
  t.false(passivated);
  packs?.finish();
  t.true(await passivating);
});
