// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { shardOf } from "../../base/mod.ts";

import { until } from "../../../test/lib/until.ts";
import { answering, told, world } from "../testdata/world.ts";

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

test("a shard without entities is released at once", async (t) => {
  const { runtime, ask } = await world(
    t,
    answering(() => ({ text: "done" })),
  );
  await runtime.release(SHARD_A);
  await t.throwsAsync(ask(A), { code: "SHARD_RELEASED" });
});
