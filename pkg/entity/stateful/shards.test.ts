// SPDX-License-Identifier: Apache-2.0

import { setImmediate as turn } from "node:timers/promises";

import test from "ava";

import { shardOf } from "../../base/mod.ts";
import type { EventLog } from "../../eventlog/mod.ts";

import { until } from "../../../test/lib/until.ts";
import { DEFAULT_ENTITY_OPTIONS } from "../settings.ts";
import { answering, bound, stored, told, world } from "../testdata/world.ts";

const TYPE = "counter";

/** Two entities of different shards. */
const [A, B] = ["a", "b"] as const;
const [SHARD_A, SHARD_B] = [shardOf(TYPE, A), shardOf(TYPE, B)];

test("a released shard finishes its commands, leaves memory and refuses new ones; others go on", async (t) => {
  const held: (() => void)[] = [];
  const { ask, send, runtime, streams } = await world(t, (message, stream) => {
    const answer = () => answering(() => ({ text: "done" }))!(message, stream);
    if (message.message.case === "command" && message.message.value.entityId === A) held.push(answer);
    else answer();
  });
  t.not(SHARD_A, SHARD_B);
  await send(B);
  const open = send(A);
  await until("the command is open", () => held.length === 1);

  let isReleased = false;
  const released = runtime.release(SHARD_A).then(() => (isReleased = true));
  await t.throwsAsync(ask(A), { code: "SHARD_RELEASED", message: /moves to another proxy/ });
  t.false(isReleased);
  held[0]!();
  await open;
  await released;
  t.is(runtime.active, 1);
  await send(B);
  await t.throwsAsync(ask(A), { code: "SHARD_RELEASED" });
  t.is(streams.length, 2);
});

test("a shard that is taken again replays its entities", async (t) => {
  const { send, runtime, streams } = await world(
    t,
    answering((id) => ({ events: [`e${id}`] })),
  );
  await send(A);
  await runtime.release(SHARD_A);
  t.is(runtime.active, 0);
  runtime.take(SHARD_A);
  await send(A);
  t.deepEqual(streams.map(told), [
    ["init", "command 1"],
    ["init", "event 1:e1", "command 1"],
  ]);
});

test("a released shard waits for its own packs, and not for those of others (I9)", async (t) => {
  const packing = new Map<string, () => void>();
  const pack: EventLog["pack"] = ({ id }) => new Promise<void>((resolve) => packing.set(id, resolve));
  const { send, runtime } = await world(
    t,
    answering(() => ({ events: ["x"] })),
    { log: (log) => ({ ...bound(log), pack }), options: { packRecords: 1 } },
  );
  await send(A);
  await send(B);
  const releasedB = runtime.release(SHARD_B);
  await until("b is packed", () => packing.has(B));
  let isReleased = false;
  const released = runtime.release(SHARD_A).then(() => (isReleased = true));
  await until("a is packed", () => packing.has(A));
  await turn();
  t.false(isReleased);
  packing.get(A)!();
  await released;
  packing.get(B)!();
  await releasedB;
});

test("a shard without entities is released at once", async (t) => {
  const { runtime, ask } = await world(
    t,
    answering(() => ({ text: "done" })),
  );
  await runtime.release(SHARD_A);
  await t.throwsAsync(ask(A), { code: "SHARD_RELEASED" });
});

test("a dropped shard leaves memory at once: its commands fail, and what is still answered changes nothing", async (t) => {
  const held: (() => void)[] = [];
  const { send, ask, runtime, streams, log } = await world(t, (message, stream) => {
    const answer = () => answering((id) => ({ events: [`e${id}`] }))!(message, stream);
    if (streams.length === 1 && message.message.case === "command") held.push(answer);
    else answer();
  });
  const open = t.throwsAsync(ask(A), { code: "SHARD_RELEASED", message: /moves to another proxy/ });
  const waiting = t.throwsAsync(ask(A), { code: "SHARD_RELEASED" });
  await until("the command is open", () => held.length === 1);
  runtime.drop(SHARD_A);
  t.is(runtime.active, 0);
  await Promise.all([open, waiting]);
  await t.throwsAsync(ask(A), { code: "SHARD_RELEASED" });
  runtime.take(SHARD_A);
  const again = send(A);
  held[0]!();
  await streams[0]!.ended;
  t.is(await again, "ok");
  t.deepEqual(streams.map(told), [
    ["init", "command 1"],
    ["init", "command 1"],
  ]);
  t.deepEqual(await stored(log), ["e1"]);
});

test("an append that is under way when its shard is dropped may be stored, and is only read again", async (t) => {
  const gate = gated();
  const { send, ask, runtime, streams, clock, log } = await world(
    t,
    answering((id) => ({ events: [`e${id}`], snapshot: "old" })),
    { log: gate.log("append") },
  );
  const appending = t.throwsAsync(ask(A), { code: "OUTCOME_UNKNOWN", message: /moves to another proxy/ });
  await until("it is appending", () => gate.held.length === 1);
  runtime.drop(SHARD_A);
  await appending;
  runtime.take(SHARD_A);
  // The new instance finds what the old one has stored after all, and nothing else of it: not even its snapshot.
  gate.open();
  await until("it is stored", async () => (await stored(log)).length === 1);
  t.is(await send(A), "ok");
  t.deepEqual(streams.map(told), [
    ["init", "command 1"],
    ["init", "event 1:e1", "command 1"],
  ]);
  clock.advance(DEFAULT_ENTITY_OPTIONS.passivationTimeoutMs);
  await until("the new instance leaves, and nobody else has", () => runtime.active === 0);
  t.deepEqual(gate.snapshots, [2]);
});

test("an activation whose shard is dropped opens no stream, and is not in the way of the next one", async (t) => {
  const gate = gated();
  const { send, ask, runtime, streams } = await world(
    t,
    answering(() => ({ text: "done" })),
    { log: gate.log("read") },
  );
  const first = t.throwsAsync(ask(A), { code: "SHARD_RELEASED" });
  await until("it is read", () => gate.held.length === 1);
  runtime.drop(SHARD_A);
  await first;
  runtime.take(SHARD_A);
  const second = send(A);
  await until("it is read again", () => gate.held.length === 2);
  t.is(runtime.active, 1);
  gate.held[0]!();
  gate.held[1]!();
  t.is(await second, "done");
  t.deepEqual(streams.map(told), [["init", "command 1"]]);
  t.is(runtime.active, 1);
  // It finds the instance in memory.
  await send(A);
  t.is(streams.length, 1);
});

test("what a dropped shard has stored of side effects is found again, and none is carried out twice at a time", async (t) => {
  const gate = gated();
  const { ask, runtime, again } = await world(
    t,
    answering((id) => (id === 1n ? { events: ["x"], effects: ["one", "two"] } : { text: "done" })),
    { log: gate.log("read") },
  );
  const asked = ask(A);
  await until("it is read", () => gate.held.length === 1);
  gate.held[0]!();
  const { effects } = await asked;
  // The answer did not pass, so one effect is given up; the other is being carried out.
  effects[0]!.onEnd?.(false);
  // An old instance that still reads does not mix what it reads with what the new one knows.
  runtime.drop(SHARD_A);
  runtime.take(SHARD_A);
  const old = t.throwsAsync(ask(A), { code: "SHARD_RELEASED" });
  await until("it is read again", () => gate.held.length === 2);
  runtime.drop(SHARD_A);
  runtime.take(SHARD_A);
  await old;
  const newest = ask(A);
  await until("it is read by two", () => gate.held.length === 3);
  gate.held[2]!();
  await newest;
  gate.held[1]!();
  t.deepEqual(
    again.map((each) => each.effects.map(({ commandName }) => commandName)),
    [["one"]],
  );
});

test("a proxy in a cluster begins without shards, and carries out commands of those that it has taken", async (t) => {
  const { send, ask, runtime } = await world(
    t,
    answering(() => ({ text: "done" })),
    { firstShards: "none" },
  );
  await t.throwsAsync(ask(A), { code: "SHARD_RELEASED" });
  runtime.take(SHARD_A);
  t.is(await send(A), "done");
  await t.throwsAsync(ask(B), { code: "SHARD_RELEASED" });
  await runtime.release(SHARD_B);
});

test("undone side effects are looked for in shards that were taken, and in others when they are", async (t) => {
  const first = await world(
    t,
    answering(() => ({ effects: ["one"] })),
  );
  await first.ask(A);
  await first.ask(B);
  const { runtime, service, clock, again } = await world(t, undefined, {
    firstShards: "none",
    log: () => first.log,
  });
  t.teardown(() => void runtime.stop());
  const swept = () => until("a sweep is over", () => clock.pending > 0);
  runtime.take(SHARD_B);
  runtime.serve([service]);
  await until("B is found", () => again.length === 1);
  await swept();
  runtime.take(SHARD_A);
  await turn();
  clock.advance(1_000);
  await until("A is found", () => again.length === 2);
  t.deepEqual(
    again.map(({ of }) => of.slice(-1)),
    ["b", "a"],
  );
});

/** A log of which one kind of request waits until it is let through, and which notes the positions of snapshots. */
function gated() {
  const held: (() => void)[] = [];
  const snapshots: number[] = [];
  let isOpen = false;
  const wait = () => new Promise<void>((resolve) => (isOpen ? resolve() : held.push(resolve)));
  return {
    held,
    snapshots,
    open: () => {
      isOpen = true;
      for (const pass of held.splice(0)) pass();
    },
    log: (kind: "append" | "read") => (log: EventLog) => ({
      ...bound(log),
      ...(kind === "append"
        ? { append: (...of: Parameters<EventLog["append"]>) => wait().then(() => log.append(...of)) }
        : { read: (...of: Parameters<EventLog["read"]>) => wait().then(() => log.read(...of)) }),
      saveSnapshot: (...of: Parameters<EventLog["saveSnapshot"]>) => {
        snapshots.push(of[1]);
        return log.saveSnapshot(...of);
      },
    }),
  };
}
