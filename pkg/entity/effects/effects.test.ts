// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { EventLog } from "../../eventlog/mod.ts";
import type { Commit } from "../../protocol/mod.ts";
import { readRecord } from "../../record/mod.ts";

import { until } from "../../../test/lib/until.ts";
import type { Outcome } from "../outcome.ts";
import { DEFAULT_ENTITY_OPTIONS } from "../settings.ts";
import { answering, any, bound, KEY, stored, told, world } from "../testdata/world.ts";

const { passivationTimeoutMs, effectMarkDelayMs } = DEFAULT_ENTITY_OPTIONS;

async function commits(log: EventLog, key = KEY): Promise<Commit[]> {
  return (await log.read(key)).records.map(readRecord);
}

/** What the records say of effects: how many, the number of the first, and up to where they are done. */
async function entries(log: EventLog): Promise<number[][]> {
  return (await commits(log)).map(({ sideEffects, firstEffect, effectsDone }) => [
    sideEffects.length,
    Number(firstEffect),
    Number(effectsDone),
  ]);
}

const names = (outcome: Outcome) => outcome.effects.map(({ commandName }) => commandName);
const keys = (outcome: Outcome) => outcome.effects.map(({ idempotencyKey }) => idempotencyKey);

function end(outcome: Outcome, isDone = true): void {
  for (const { onEnd } of outcome.effects) onEnd?.(isDone);
}

test("I1: effects are on record before anybody gets to carry them out, each with a key of its own", async (t) => {
  const { promise: permit, resolve: allow } = Promise.withResolvers<void>();
  const slow = (log: EventLog): EventLog => ({
    ...bound(log),
    append: async (...parameters) => {
      await permit;
      return log.append(...parameters);
    },
  });
  const { ask, log } = await world(
    t,
    answering((id) => ({ events: ["x"], effects: [`${id}a`, `${id}b`] })),
    { log: slow },
  );
  let answered = false;
  const asked = ask("a").finally(() => (answered = true));
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.false(answered);
  allow();
  const [first, second] = [await asked, await ask("a")];
  t.deepEqual(
    [names(first), names(second)],
    [
      ["1a", "1b"],
      ["2a", "2b"],
    ],
  );
  t.is(new Set([...keys(first), ...keys(second)]).size, 4);
  t.deepEqual(await entries(log), [
    [2, 1, 0],
    [2, 3, 0],
  ]);
});

test("effects without events have a record too; a failure drops them", async (t) => {
  const { ask, send, log } = await world(
    t,
    answering((id) => (id === 1n ? { effects: ["x"] } : id === 2n ? { fail: "no", effects: ["y"] } : {})),
  );
  t.deepEqual(names(await ask("a")), ["x"]);
  await t.throwsAsync(ask("a"), { code: "COMMAND_FAILED" });
  await send("a");
  t.deepEqual(await entries(log), [[1, 1, 0]]);
  t.deepEqual(await stored(log), []);
});

test("a forward, and no reply, are outcomes like others, with effects and without", async (t) => {
  const { ask } = await world(t, (message, stream) => {
    if (message.message.case !== "command") return;
    const { id: commandId } = message.message.value;
    const call = { serviceName: "S", commandName: "C", payload: any("x") };
    const forward = { clientAction: { action: { case: "forward" as const, value: call } } };
    const sideEffects = commandId % 2n === 0n ? [call] : [];
    stream.send({
      message: { case: "reply", value: { commandId, sideEffects, ...(commandId < 3n && forward) } },
    });
  });
  for (const kind of ["forward", "nothing"] as const) {
    t.like(await ask("a"), { kind, effects: [] });
    const outcome = await ask("a");
    t.is(outcome.kind, kind);
    t.is(outcome.effects.length, 1);
  }
});

test("what is undone is carried out again when the entity is activated, with the same keys", async (t) => {
  const { ask, again, clock, runtime, streams, log } = await world(
    t,
    answering((id) => ({ events: ["x"], effects: [`${id}`] })),
  );
  const [first, second, third] = [await ask("a"), await ask("a"), await ask("a")];
  end(first);
  end(second, false);
  end(third);
  clock.advance(effectMarkDelayMs);
  await until("the first is marked", async () => (await entries(log)).at(-1)?.[2] === 1);
  clock.advance(passivationTimeoutMs);
  await until("the entity has left", () => runtime.active === 0);
  t.deepEqual(again, []);
  await ask("a");
  t.is(again.length, 1);
  t.is(again[0]?.of, "perdure.test.Counter entity a");
  t.deepEqual(
    again[0]?.effects.map(({ idempotencyKey }) => idempotencyKey),
    keys(second),
    "the third is done, though the log could not be told",
  );
  t.deepEqual(told(streams[1]!).slice(0, 4), ["init", "event 1:x", "event 2:x", "event 3:x"]);
});

test("what is under way is not carried out a second time beside it, whatever becomes of the entity", async (t) => {
  const { ask, again, streams } = await world(
    t,
    answering((id) => ({ events: ["x"], effects: [`${id}`] })),
  );
  const first = await ask("a");
  streams[0]!.complete();
  await until(
    "the next command finds the entity",
    async () => (await ask("a").catch(() => undefined)) !== undefined,
  );
  t.deepEqual(again, []);
  end(first, false);
  streams[1]!.complete();
  await until("it is there again", async () => (await ask("a").catch(() => undefined)) !== undefined);
  t.deepEqual(
    again.map(({ effects }) => effects.map(({ idempotencyKey }) => idempotencyKey)),
    [keys(first)],
  );
});

test("the next record tells which are done; else one does that has nothing else to tell, once the entity is idle", async (t) => {
  const { ask, send, log, clock, streams, runtime } = await world(
    t,
    answering((id) => (id < 3n ? { events: [`${id}`], effects: ["x"] } : { text: "ok" })),
  );
  end(await ask("a"));
  const second = await ask("a");
  t.deepEqual((await entries(log)).at(-1), [1, 2, 1]);
  end(second);
  clock.advance(effectMarkDelayMs);
  await until("it is marked", async () => (await entries(log)).length === 3);
  t.deepEqual((await entries(log)).at(-1), [0, 0, 2]);
  t.is(await send("a"), "ok");
  clock.advance(passivationTimeoutMs);
  await until("the entity has left", () => runtime.active === 0);
  t.is((await entries(log)).length, 3, "the log knows all");
  await send("a");
  t.deepEqual(
    told(streams[1]!).slice(0, 3),
    ["init", "event 1:1", "event 2:2"],
    "I6: the chain goes through it",
  );
});

test("an entity that leaves memory tells before it goes; a command that comes meanwhile brings it back", async (t) => {
  const options = { effectMarkDelayMs: 2 * passivationTimeoutMs };
  const { ask, log, clock, runtime, streams } = await world(
    t,
    answering((id) => ({ events: ["x"], effects: [`${id}`] })),
    { options },
  );
  end(await ask("a"));
  clock.advance(passivationTimeoutMs);
  const meanwhile = ask("a");
  end(await meanwhile);
  t.deepEqual(await entries(log), [
    [1, 1, 0],
    [0, 0, 1],
    [1, 2, 0],
  ]);
  t.is(streams.length, 1);
  clock.advance(passivationTimeoutMs);
  await until("the entity has left", () => runtime.active === 0);
  t.deepEqual((await entries(log)).at(-1), [0, 0, 2]);
});

test("I3: a mark that another writer was faster than has the entity read its history anew", async (t) => {
  const { ask, log, clock, streams, again } = await world(
    t,
    answering((id) => ({ events: [`${id}`], effects: ["x"] })),
  );
  end(await ask("a"));
  const other = await world(
    t,
    answering(() => ({ events: ["theirs"] })),
    { log: () => log },
  );
  await other.send("a");
  clock.advance(effectMarkDelayMs);
  await until("it is read again", () => streams.length === 2 && told(streams[1]!).length === 3);
  end(await ask("a"));
  t.deepEqual(await stored(log), ["1", "theirs", "1"]);
  t.deepEqual(again, [], "what is known to be done is still known");
});

test("I11: a command that would have too many effects wait is refused, and nothing of it is stored", async (t) => {
  const { ask, log } = await world(
    t,
    answering(() => ({ events: ["x"], effects: ["a", "b"] })),
    { options: { maxUndoneEffects: 3 } },
  );
  const first = await ask("a");
  await t.throwsAsync(ask("a"), { code: "TOO_MANY_EFFECTS" });
  end(first);
  await ask("a");
  t.deepEqual(await stored(log), ["x", "x"]);
});

test("I11: the same for a command whose effects, or those before it, would take too many bytes until they are done", async (t) => {
  const { ask, log } = await world(
    t,
    answering(() => ({ events: ["x"], effects: ["y".repeat(2_000)] })),
    { options: { maxEntityBytes: 20_000 } },
  );
  const first = await ask("a");
  await t.throwsAsync(ask("a"), { code: "TOO_MANY_EFFECTS" });
  end(first);
  await ask("a");
  t.deepEqual(await stored(log), ["x", "x"]);
});

test("I7: a repeat of a command with a key has no effects", async (t) => {
  const { ask, log } = await world(
    t,
    answering(() => ({ events: ["x"], effects: ["a"] })),
  );
  t.is((await ask("a", 1, { key: "k" })).effects.length, 1);
  t.is((await ask("a", 1, { key: "k" })).effects.length, 0);
  t.deepEqual(await stored(log), ["x"]);
});

test("a value's record without a change has the value that is there, and what is undone goes on in it", async (t) => {
  const { ask, log, clock, again, runtime } = await world(t, undefined, {
    onValueMessage: ({ message }, stream) => {
      if (message.case !== "command") return;
      const { id: commandId } = message.value;
      const call = { serviceName: "S", commandName: `${commandId}`, payload: any("x") };
      const update = { action: { case: "update" as const, value: { value: any(`${commandId}`) } } };
      const stateAction = commandId === 1n ? { stateAction: update } : {};
      stream.send({ message: { case: "reply", value: { commandId, sideEffects: [call], ...stateAction } } });
    },
  });
  const [first, second, third] = [await ask("a"), await ask("a"), await ask("a")];
  end(second);
  end(first, false);
  end(third, false);
  await ask("a");
  const [commit] = await commits(log);
  t.is(Buffer.from(commit?.valueState?.value?.value ?? []).toString(), "1");
  t.deepEqual(
    commit?.proxyState?.effects.map(({ number }) => number),
    [1n, 3n],
  );
  clock.advance(passivationTimeoutMs);
  await until("the entity has left", () => runtime.active === 0);
  await ask("a");
  t.deepEqual(
    again.flatMap(({ effects }) => effects.map(({ idempotencyKey }) => idempotencyKey)),
    [...keys(first), ...keys(third)],
  );
});

test("keys are the same in every proxy, and different for different entities", async (t) => {
  const start = () =>
    world(
      t,
      answering(() => ({ effects: ["x"] })),
    );
  const [one, other] = [await start(), await start()];
  const [a, b] = [await one.ask("a"), await one.ask("b")];
  t.deepEqual(keys(a), keys(await other.ask("a")));
  t.notDeepEqual(keys(a), keys(b));
});
