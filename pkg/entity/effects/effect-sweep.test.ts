// SPDX-License-Identifier: Apache-2.0

import { setImmediate as turn } from "node:timers/promises";

import type { ExecutionContext } from "ava";
import test from "ava";

import { ManualClock } from "../../base/test-doubles/mod.ts";
import type { EventLog, Position } from "../../eventlog/mod.ts";
import { EventLogError, NO_POSITION, openMemoryLog } from "../../eventlog/mod.ts";
import type { SideEffectMessage } from "../../protocol/mod.ts";
import { EventSourced } from "../../protocol/mod.ts";
import { ORIGIN, writeCommit } from "../../record/mod.ts";
import { NO_TELEMETRY } from "../../telemetry/mod.ts";

import { until } from "../../../test/lib/until.ts";
import type { EntityOptions } from "../settings.ts";
import { DEFAULT_ENTITY_OPTIONS } from "../settings.ts";
import { bound, counterService } from "../testdata/world.ts";
import { EffectSweep } from "./effect-sweep.ts";

const TYPE = "counter";
const SERVICE = counterService(EventSourced.typeName);
const CHECKPOINT = "effects/counter";
const EFFECT: SideEffectMessage = {
  $typeName: "cloudstate.SideEffect",
  serviceName: "S",
  commandName: "C",
  synchronous: false,
};

interface SweepWorld {
  readonly log: EventLog;
  readonly clock: ManualClock;
  readonly sweep: EffectSweep;
  /** The ids of the entities that were woken since the last call. */
  readonly woken: () => string[];
  /** Lets a sweep begin, and waits for its end. */
  readonly go: () => Promise<void>;
  /** Stores a record of an entity. */
  readonly record: (
    id: string,
    news: { effects?: number; first?: number; done?: number },
  ) => Promise<Position>;
}

function start(
  t: ExecutionContext,
  {
    log = openMemoryLog(),
    options = {},
    isHere = () => true,
    wake,
  }: {
    readonly log?: EventLog;
    readonly options?: Partial<EntityOptions>;
    readonly isHere?: (id: string) => boolean;
    readonly wake?: (id: string) => Promise<void>;
  } = {},
): SweepWorld {
  const clock = new ManualClock();
  const all = { ...DEFAULT_ENTITY_OPTIONS, ...options };
  let woken: string[] = [];
  const sweep = new EffectSweep({
    log,
    clock,
    telemetry: NO_TELEMETRY,
    options: all,
    isHere: (_type, id) => isHere(id),
    wake: async (_service, id) => {
      woken.push(id);
      await wake?.(id);
    },
  });
  t.teardown(() => sweep.stop());
  return {
    log,
    clock,
    sweep,
    woken: () => {
      const ids = woken.sort();
      woken = [];
      return ids;
    },
    async go() {
      sweep.serve([SERVICE]);
      clock.advance(0);
      // The next one is planned when this one is over.
      await until("the sweep is over", () => clock.pending > 0);
    },
    async record(id, { effects = 0, first = 0, done = 0 }) {
      const last = (await log.readLast({ type: TYPE, id }))?.position ?? NO_POSITION;
      const sideEffects = Array.from({ length: effects }, () => EFFECT);
      const news = { sideEffects, firstEffect: BigInt(first), effectsDone: BigInt(done) };
      const bytes = writeCommit(ORIGIN, { kind: "events", events: [] }, 0, { effects: news });
      return log.append({ type: TYPE, id }, last, bytes);
    },
  };
}

test("entities with undone effects are woken, and no others; the checkpoint does not pass them", async (t) => {
  const { log, go, record, woken } = start(t);
  await record("nothing", {});
  await record("done", { effects: 2, first: 1 });
  await record("done", { done: 2 });
  const first = await record("undone", { effects: 2, first: 1 });
  await record("undone", { effects: 1, first: 3, done: 1 });
  await go();
  t.deepEqual(woken(), ["undone"]);
  t.deepEqual(await log.readCheckpoint(CHECKPOINT), [first - 1]);
  const last = await record("undone", { done: 3 });
  await go();
  t.deepEqual(woken(), []);
  t.deepEqual(await log.readCheckpoint(CHECKPOINT), [last]);
});

test("another process goes on from the checkpoint", async (t) => {
  const { log, go, record } = start(t);
  await record("a", { effects: 1, first: 1 });
  const done = await record("a", { done: 1 });
  await record("b", { effects: 1, first: 1 });
  await go();
  const from: Position[] = [];
  const tail: EventLog["tail"] = (type, partition, after, signal) => {
    from.push(after);
    return log.tail(type, partition, after, signal);
  };
  const next = start(t, { log: { ...bound(log), tail } });
  await next.go();
  t.deepEqual(next.woken(), ["b"]);
  t.deepEqual(from, [done]);
});

test("a type without effects is read once, by anybody; before its first effect it gets a checkpoint", async (t) => {
  const memory = openMemoryLog();
  let reads = 0;
  const tail: EventLog["tail"] = (...of) => {
    reads++;
    return memory.tail(...of);
  };
  const log = { ...bound(memory), tail };
  const { go, record, sweep } = start(t, { log });
  const last = await record("a", {});
  await go();
  t.is(reads, 1);
  await record("a", {});
  await go();
  const next = start(t, { log });
  await next.go();
  t.is(reads, 1, "nobody reads it again");

  await sweep.announce(TYPE);
  t.deepEqual(await log.readCheckpoint(CHECKPOINT), [last + 1]);
  t.is(sweep.announce(TYPE), undefined, "from now on nothing is waited for");
  await record("b", { effects: 1, first: 1 });
  await next.go();
  t.deepEqual(next.woken(), ["b"]);
  t.is(reads, 2);
});

test("the first effect of a type that nobody has looked at leaves its checkpoint at the beginning", async (t) => {
  const { log, sweep, record, go, woken } = start(t);
  await record("old", { effects: 1, first: 1 });
  await Promise.all([sweep.announce(TYPE), sweep.announce(TYPE)]);
  t.deepEqual(await log.readCheckpoint(CHECKPOINT), [NO_POSITION]);
  await go();
  t.deepEqual(woken(), ["old"]);
});

test("a record with effects waits until its type has a checkpoint, and fails if it cannot have one", async (t) => {
  const memory = openMemoryLog();
  let isDown = true;
  const saveCheckpoint: EventLog["saveCheckpoint"] = (...of) =>
    isDown ? Promise.reject(new EventLogError("LOG_UNAVAILABLE", "down")) : memory.saveCheckpoint(...of);
  const { sweep } = start(t, { log: { ...bound(memory), saveCheckpoint } });
  await t.throwsAsync(async () => sweep.announce(TYPE), { code: "LOG_UNAVAILABLE" });
  isDown = false;
  await sweep.announce(TYPE);
  t.is(sweep.announce(TYPE), undefined);
});

test("it looks again from time to time, and soon after a failure", async (t) => {
  const memory = openMemoryLog();
  let failures = 1;
  const lastPosition: EventLog["lastPosition"] = (...of) =>
    failures-- > 0
      ? Promise.reject(new EventLogError("LOG_UNAVAILABLE", "down"))
      : memory.lastPosition(...of);
  const { go, record, woken, clock } = start(t, { log: { ...bound(memory), lastPosition } });
  await record("a", { effects: 1, first: 1 });
  await go();
  t.deepEqual(woken(), []);
  clock.advance(5_000);
  await until("it has looked", () => clock.pending > 0);
  t.deepEqual(woken(), ["a"]);
  clock.advance(DEFAULT_ENTITY_OPTIONS.effectSweepIntervalMs - 1);
  await turn();
  t.deepEqual(woken(), []);
  clock.advance(1);
  await until("it has looked", () => clock.pending > 0);
  t.deepEqual(woken(), ["a"]);
});

test("I11: so many entities are woken at a time, so many remembered, and so many records read in a second", async (t) => {
  let open = 0;
  let most = 0;
  const options = { maxEffectWakes: 3, maxUndoneEntities: 10, effectSweepRate: 512 };
  const { record, sweep, clock, log, woken } = start(t, {
    options,
    wake: async () => {
      most = Math.max(most, ++open);
      await turn();
      open--;
    },
  });
  for (let index = 0; index < 600; index++) await record("a", {});
  for (let index = 0; index < 20; index++) await record(`b${index}`, { effects: 1, first: 1 });
  sweep.serve([SERVICE]);
  clock.advance(0);
  for (const pause of [1, 2]) {
    await until(`pause ${pause}`, () => clock.pending > 0);
    t.deepEqual(woken(), []);
    clock.advance(500);
  }
  await until("it has looked", () => clock.pending > 0);
  t.is(woken().length, 10);
  t.is(most, 3);
  t.deepEqual(await log.readCheckpoint(CHECKPOINT), [600]);
});

test("more than are remembered are found when those before them are done", async (t) => {
  const { go, record, woken, log } = start(t, { options: { maxUndoneEntities: 4 } });
  const ids = Array.from({ length: 10 }, (_, index) => `e${index}`);
  for (const id of ids) await record(id, { effects: 1, first: 1 });
  for (let done = 0; done < 10; done += 4) {
    await go();
    t.deepEqual(woken(), ids.slice(done, done + 4));
    t.deepEqual(await log.readCheckpoint(CHECKPOINT), [done]);
    for (const id of ids.slice(done, done + 4)) await record(id, { done: 1 });
  }
  await go();
  t.deepEqual(woken(), []);
  t.deepEqual(await log.readCheckpoint(CHECKPOINT), [20]);
});

test("entities of others do not keep this proxy from finding its own, and are found when their shard is taken", async (t) => {
  const mine = new Set(["mine", "mine too"]);
  const { go, record, woken, log, sweep, clock } = start(t, {
    options: { maxUndoneEntities: 4 },
    isHere: (id) => mine.has(id),
  });
  for (let index = 0; index < 10; index++) await record(`other ${index}`, { effects: 1, first: 1 });
  await record("mine", { effects: 1, first: 1 });
  await record("mine too", { effects: 1, first: 1 });
  await go();
  t.deepEqual(woken(), ["mine", "mine too"]);
  t.deepEqual(await log.readCheckpoint(CHECKPOINT), [0], "it passes no undone effect, whoever owns it");
  for (const id of ["other 7", "other 8", "other 9"]) mine.add(id);
  sweep.again();
  await turn();
  clock.advance(1_000);
  await until("it has looked", () => clock.pending > 0);
  t.deepEqual(woken(), ["mine", "other 7", "other 8", "other 9"]);
  t.deepEqual(await log.readCheckpoint(CHECKPOINT), [0]);
});

test("I12: a record that cannot be read hides no other", async (t) => {
  const { go, record, woken, log } = start(t);
  await log.append({ type: TYPE, id: "bad" }, NO_POSITION, Buffer.from([0xff]));
  await record("a", { effects: 1, first: 1 });
  await go();
  t.deepEqual(woken(), ["a"]);
});

test("a log that was set back is read from its beginning", async (t) => {
  const { go, record, woken, log } = start(t);
  await log.saveCheckpoint(CHECKPOINT, [1_000]);
  await record("a", { effects: 1, first: 1 });
  await go();
  t.deepEqual(woken(), ["a"]);
});

test("what was found before a log was set back is forgotten", async (t) => {
  let current = openMemoryLog();
  const { go, record, woken, log } = start(t, {
    log: {
      ...bound(current),
      append: (...of) => current.append(...of),
      readLast: (entity) => current.readLast(entity),
      lastPosition: (...of) => current.lastPosition(...of),
      tail: (...of) => current.tail(...of),
    },
  });
  await record("a", {});
  await record("gone", { effects: 1, first: 1 });
  await go();
  t.deepEqual(woken(), ["gone"]);
  current = openMemoryLog();
  await record("b", { effects: 1, first: 1 });
  await go();
  t.deepEqual(woken(), ["b"]);
  t.deepEqual(await log.readCheckpoint(CHECKPOINT), [NO_POSITION]);
});

test("a type whose first scan was cut short is scanned again", async (t) => {
  const { sweep, record, clock, log } = start(t, { options: { effectSweepRate: 128 } });
  for (let index = 0; index < 200; index++) await record("a", {});
  await record("old", { effects: 1, first: 1 });
  sweep.serve([SERVICE]);
  await until("it pauses", () => clock.pending > 0);
  sweep.stop();
  await turn();
  const next = start(t, { log });
  await next.go();
  t.deepEqual(next.woken(), ["old"]);
});

test("without a user function nothing is looked for, and after the end nothing more", async (t) => {
  const { sweep, record, clock, woken, go } = start(t);
  await record("a", { effects: 1, first: 1 });
  sweep.serve([]);
  clock.advance(DEFAULT_ENTITY_OPTIONS.effectSweepIntervalMs);
  await turn();
  t.deepEqual(woken(), []);
  await go();
  t.deepEqual(woken(), ["a"]);
  sweep.stop();
  sweep.serve([SERVICE]);
  t.is(clock.pending, 0);
});

test("entities of other shards are not woken, but remembered, and woken when their shard is taken", async (t) => {
  const memory = openMemoryLog();
  let reads = 0;
  const tail: EventLog["tail"] = (...of) => {
    reads++;
    return memory.tail(...of);
  };
  const mine = new Set(["b"]);
  const log = { ...bound(memory), tail };
  const { go, record, woken, sweep, clock } = start(t, { log, isHere: (id) => mine.has(id) });
  const first = await record("a", { effects: 1, first: 1 });
  await record("b", { effects: 1, first: 1 });
  await go();
  t.deepEqual(woken(), ["b"]);
  t.deepEqual(
    await log.readCheckpoint(CHECKPOINT),
    [first - 1],
    "it passes no undone effect, whoever owns it",
  );
  mine.add("a");
  sweep.again();
  sweep.again();
  await turn();
  clock.advance(1_000);
  await until("it has looked", () => clock.pending > 0);
  t.deepEqual(woken(), ["a", "b"]);
  t.is(reads, 1, "nothing is read again");
  clock.advance(1_000);
  await turn();
  t.deepEqual(woken(), [], "one sweep is for both");
});

test("a shard that is taken during a sweep is looked at by the next one", async (t) => {
  const mine = new Set(["a"]);
  const held = Promise.withResolvers<void>();
  const { record, sweep, woken, clock } = start(t, {
    isHere: (id) => mine.has(id),
    wake: () => held.promise,
  });
  await record("a", { effects: 1, first: 1 });
  await record("b", { effects: 1, first: 1 });
  sweep.serve([SERVICE]);
  clock.advance(0);
  let first: string[] = [];
  await until("it wakes", () => (first = [...first, ...woken()]).length > 0);
  mine.add("b");
  sweep.again();
  held.resolve();
  await until("it pauses", () => clock.pending > 0);
  clock.advance(1_000);
  await until("it has looked", () => clock.pending > 0);
  t.deepEqual(first, ["a"]);
  t.deepEqual(woken(), ["a", "b"]);
});

test("of two proxies that announce a type at the same time, none lets the checkpoint pass effects of the other", async (t) => {
  const memory = openMemoryLog();
  const scanned = start(t, { log: memory });
  await scanned.record("x", {});
  await scanned.go();
  const fast = start(t, { log: memory });
  let isFirst = true;
  const lastPosition: EventLog["lastPosition"] = async (...of) => {
    // The other proxy comes in between, and stores the first effect of the type.
    if (isFirst) {
      isFirst = false;
      await fast.sweep.announce(TYPE);
      await fast.record("a", { effects: 1, first: 1 });
    }
    return memory.lastPosition(...of);
  };
  const slow = start(t, { log: { ...bound(memory), lastPosition } });
  await slow.sweep.announce(TYPE);
  const next = start(t, { log: memory });
  await next.go();
  t.deepEqual(next.woken(), ["a"]);
});
