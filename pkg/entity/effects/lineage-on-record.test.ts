// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { EventLog } from "../../eventlog/mod.ts";
import { NO_POSITION, openMemoryLog } from "../../eventlog/mod.ts";
import type { Commit } from "../../protocol/mod.ts";
import { readRecord } from "../../record/mod.ts";

import { until } from "../../../test/lib/until.ts";
import type { Lineage } from "../lineage.ts";
import type { Outcome } from "../outcome.ts";
import { DEFAULT_ENTITY_OPTIONS } from "../settings.ts";
import { answering, any, KEY, stored, told, world } from "../testdata/world.ts";

const { passivationTimeoutMs, maxForwardDepth } = DEFAULT_ENTITY_OPTIONS;

/**
 * The lineage of a command (how many commands may still follow from a caller's command). This command is the third of
 * its chain, and seven more may follow from it.
 */
const THIRD: Lineage = { origin: "first", depth: 3, budget: 7 };

/** The lineage of each of two commands that it asks for. */
const CHILD: Lineage = { origin: "first", depth: 4, budget: 2 };

async function commits(log: EventLog): Promise<Commit[]> {
  return (await log.read(KEY)).records.map(readRecord);
}

const lineages = (outcome: Outcome) => outcome.effects.map(({ lineage }) => lineage);

/**
 * A record that Perdure wrote before there were lineages: one event, two side effects, and a forward as the answer to
 * the key `k`.
 */
const OLD_RECORD = Buffer.from(
  "CAESLQoodHlwZS5nb29nbGVhcGlzLmNvbS9wZXJkdXJlLnRlc3QuUmVxdWVzdBIBeBoBaypKChRwZXJkdXJlLnRlc3QuQ291bnRlchIDQWRkGi0K" +
    "KHR5cGUuZ29vZ2xlYXBpcy5jb20vcGVyZHVyZS50ZXN0LlJlcXVlc3QSAXgqSgoUcGVyZHVyZS50ZXN0LkNvdW50ZXISA0FkZBotCih0eXBlLmdv" +
    "b2dsZWFwaXMuY29tL3BlcmR1cmUudGVzdC5SZXF1ZXN0EgF4MIDQlf+8MVI1CgFTEgFDGi0KKHR5cGUuZ29vZ2xlYXBpcy5jb20vcGVyZHVyZS50" +
    "ZXN0LlJlcXVlc3QSAXhaEAcHBwcHBwcHBwcHBwcHBwdgAQ==",
  "base64",
);

test("side effects have their place in the chain on record, and have it still when they are carried out again", async (t) => {
  const { ask, again, log, clock, runtime } = await world(
    t,
    answering(() => ({ events: ["x"], effects: ["a", "b"] })),
  );
  const outcome = await ask("a", 1, { lineage: THIRD });
  t.deepEqual(lineages(outcome), [CHILD, CHILD]);
  t.like((await commits(log))[0]?.lineage, CHILD);
  for (const { onEnd } of outcome.effects) onEnd?.(false);
  clock.advance(passivationTimeoutMs);
  await until("the entity has left", () => runtime.active === 0);
  await ask("a");
  t.deepEqual(
    again.flatMap(({ effects }) => effects.map(({ lineage }) => lineage)),
    [CHILD, CHILD],
  );
});

test("another proxy finds it too, behind a snapshot and in a value's record", async (t) => {
  const events = await world(
    t,
    answering((id) => ({ events: ["x"], snapshot: "s", ...(id === 1n && { effects: ["a", "b"] }) })),
  );
  await events.ask("a", 1, { lineage: THIRD });
  await events.ask("a");
  const value = await world(t, undefined, {
    onValueMessage: ({ message }, stream) => {
      if (message.case !== "command") return;
      const { id: commandId } = message.value;
      const call = { serviceName: "S", commandName: "C", payload: any("x") };
      const update = { action: { case: "update" as const, value: { value: any("v") } } };
      const sideEffects = commandId === 1n ? [call, call] : [];
      stream.send({ message: { case: "reply", value: { commandId, sideEffects, stateAction: update } } });
    },
  });
  await value.ask("a", 1, { lineage: THIRD });
  await value.ask("a");
  for (const { log } of [events, value]) {
    const other = await world(
      t,
      answering(() => ({})),
      {
        log: () => log,
        ...(log === value.log && {
          onValueMessage: ({ message }, stream) => {
            if (message.case === "command")
              stream.send({ message: { case: "reply", value: { commandId: message.value.id } } });
          },
        }),
      },
    );
    await other.ask("a");
    t.deepEqual(
      other.again.flatMap(({ effects }) => effects.map(({ lineage }) => lineage)),
      [CHILD, CHILD],
    );
  }
});

const TRACE = { traceId: "a".repeat(32), spanId: "b".repeat(16), isSampled: true };

test("effects that are carried out again know the span that stored them, if its trace is kept", async (t) => {
  for (const isSampled of [true, false]) {
    const { ask, log } = await world(
      t,
      answering((id) => ({ events: ["x"], snapshot: "s", ...(id === 1n && { effects: ["a", "b"] }) })),
    );
    const trace = { ...TRACE, isSampled };
    const expected = isSampled ? TRACE : undefined;
    const { effects } = await ask("a", 1, { trace });
    t.deepEqual(
      effects.map((effect) => effect.trace),
      [expected, expected],
    );
    // The next record has none, because nobody traces its command. The snapshot behind it has that of the first.
    await ask("a");
    const { records } = await log.read(KEY, NO_POSITION);
    t.deepEqual(
      records.map((record) => readRecord(record).trace === undefined),
      [!isSampled, true],
    );
    const other = await world(
      t,
      answering(() => ({})),
      { log: () => log },
    );
    await other.ask("a");
    const again = other.again.flatMap(({ effects }) => effects);
    t.deepEqual(
      again.map((effect) => effect.trace),
      [expected, expected],
    );
  }
});

test("I11: a command that asks for more than its budget is refused, and nothing of it is stored", async (t) => {
  let events: string[] = [];
  const { ask, log, streams } = await world(
    t,
    answering(() => ({ events, effects: ["a", "b"] })),
  );
  const tight = { ...THIRD, budget: 1 };
  await t.throwsAsync(ask("a", 1, { lineage: tight }), {
    code: "TOO_MANY_DESCENDANTS",
    message: /^2 forwards and side effects, but 1 are left for it of the 1000 /,
  });
  events = ["x"];
  await t.throwsAsync(ask("a", 1, { lineage: tight }), { code: "TOO_MANY_DESCENDANTS" });
  await until("what it changed is forgotten", () => streams.length === 2);
  t.deepEqual(told(streams[0]!), ["init", "command 1", "command 2"], "without a change its memory is right");
  t.deepEqual(told(streams[1]!), ["init"]);
  t.deepEqual(await stored(log), []);
});

test("I11: the last command of the longest chain may ask for nothing, and is not stored if it does", async (t) => {
  const { ask, log } = await world(
    t,
    answering((id) => (id === 1n ? { events: ["x"], forward: "Add" } : { events: ["y"] })),
  );
  const last = { ...THIRD, depth: maxForwardDepth };
  await t.throwsAsync(ask("a", 1, { lineage: last }), { code: "CHAIN_TOO_LONG" });
  t.deepEqual(await stored(log), []);
});

test("I7: a repeat of a forwarded command has the budget of the first, from memory and from the log", async (t) => {
  const forwarding = answering(() => ({ events: ["x"], effects: ["a"], forward: "Add" }));
  const { ask, log } = await world(t, forwarding);
  const first = await ask("a", 1, { key: "k", lineage: THIRD });
  t.like(first, { kind: "forward", lineage: CHILD });
  t.like(await ask("a", 1, { key: "k", lineage: THIRD }), { kind: "forward", effects: [], lineage: CHILD });
  const other = await world(t, forwarding, { log: () => log });
  t.like(await other.ask("a", 1, { key: "k" }), { lineage: CHILD }, "a caller's own repeat has no more");
  const longer = { origin: "later", depth: 9, budget: 1 };
  t.like(await ask("a", 1, { key: "k", lineage: longer }), { lineage: { ...CHILD, depth: 10, budget: 1 } });
});

test("records from before there were lineages are read: their effects count as a caller's", async (t) => {
  const log = openMemoryLog();
  await log.append(KEY, NO_POSITION, OLD_RECORD);
  const { ask, again } = await world(
    t,
    answering(() => ({ events: ["y"], effects: ["c"] })),
    { log: () => log },
  );
  await ask("a");
  t.deepEqual(
    again.flatMap(({ effects }) => effects.map(({ lineage }) => [lineage?.origin, lineage?.depth])),
    [
      ["", 1],
      ["", 1],
    ],
  );
  t.deepEqual(
    (await commits(log)).map(({ lineage }) => lineage?.depth),
    [undefined, 1],
  );
});
