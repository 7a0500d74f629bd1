// SPDX-License-Identifier: Apache-2.0

import { Buffer } from "node:buffer";
import { setImmediate as turn } from "node:timers/promises";

import type { ExecutionContext } from "ava";
import test from "ava";
import fc from "fast-check";

import type { LogFields, Logger } from "../base/mod.ts";
import { silentLogger } from "../base/mod.ts";
import { ManualClock } from "../base/test-doubles/mod.ts";
import type { EventLog, Position, TailRecord } from "../eventlog/mod.ts";
import { EventLogError, NO_POSITION, openMemoryLog } from "../eventlog/mod.ts";
import { logsOnly } from "../telemetry/mod.ts";

import { until } from "../../test/lib/until.ts";
import type { Consumer, Consumption } from "./consume.ts";
import { consume } from "./consume.ts";

const NAME = "test/cart";

/** A consumer of a log in memory, whose handler the test can stop and let fail. */
interface World {
  readonly log: EventLog;
  readonly clock: ManualClock;
  readonly events: Consumption;
  readonly stopping: AbortController;
  /** What was handled, as `id@position`. */
  readonly handled: string[];
  /** What was logged, as message and error. */
  readonly logged: string[];
  /** Stores records of these entities, and gives their positions. */
  readonly store: (...ids: string[]) => Promise<Position[]>;
  readonly saved: () => Promise<readonly Position[] | undefined>;
}

function start(
  t: ExecutionContext,
  {
    log = openMemoryLog(),
    handle = () => undefined,
    ...options
  }: Partial<Consumer> & {
    readonly log?: EventLog;
    readonly handle?: (record: TailRecord, partition: number, signal: AbortSignal) => unknown;
  } = {},
): World {
  const clock = new ManualClock();
  const handled: string[] = [];
  const logged: string[] = [];
  const warn = (message: string, { error }: LogFields = {}): void =>
    void logged.push(`${message}: ${String(error)}`);
  const logger: Logger = { ...silentLogger, warn };
  const stopping = new AbortController();
  t.teardown(() => stopping.abort());
  const consumer: Consumer = {
    name: NAME,
    type: "cart",
    maxRecordsPerSecond: 1_000_000,
    isPoison: () => false,
    clock,
    random: () => 0.5,
    telemetry: logsOnly(logger),
    ...options,
  };
  const events = consume(log, consumer, async (record, partition, signal) => {
    await handle(record, partition, signal);
    handled.push(`${record.id}@${record.position}`);
  });
  return {
    log,
    clock,
    events,
    stopping,
    handled,
    logged,
    async store(...ids) {
      const positions: Position[] = [];
      for (const id of ids) {
        const last = (await log.readLast({ type: "cart", id }))?.position ?? NO_POSITION;
        positions.push(await log.append({ type: "cart", id }, last, Buffer.from(id)));
      }
      return positions;
    },
    saved: () => log.readCheckpoint(NAME),
  };
}

/** The log with some operations replaced. */
function altered(log: EventLog, changes: Partial<EventLog>): EventLog {
  return new Proxy(log, {
    get(target, key) {
      const value: unknown = Reflect.get(changes, key) ?? Reflect.get(target, key, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

/** Two logs as one with two partitions: entities whose id begins with `b` are in the second. */
function twoPartitions(): EventLog {
  const logs = [openMemoryLog(), openMemoryLog()] as const;
  const [first] = logs;
  const of = (id: string) => logs[id.startsWith("b") ? 1 : 0];
  const part = (partition: number) => logs[partition === 1 ? 1 : 0];
  return altered(first, {
    partitions: 2,
    append: (entity, ...rest) => of(entity.id).append(entity, ...rest),
    readLast: (entity) => of(entity.id).readLast(entity),
    tail: (type, partition, ...rest) => part(partition).tail(type, 0, ...rest),
    lastPosition: (type, partition) => part(partition).lastPosition(type, 0),
  });
}

function down(): Promise<never> {
  return Promise.reject(new EventLogError("LOG_UNAVAILABLE", "down"));
}

test("(1) what is stored and what comes is handled; the next one begins at the saved checkpoint", async (t) => {
  const { log, clock, events, stopping, handled, store, saved } = start(t);
  await store("a", "b");
  const following = events.follow(stopping.signal);
  await until("both are handled", () => handled.length === 2);
  await store("a");
  await until("the third is handled", () => handled.length === 3);
  t.deepEqual(handled, ["a@1", "b@2", "a@3"]);
  t.is(await saved(), undefined, "it is not saved after each record");
  clock.advance(1_000);
  await until("it is saved", async () => (await saved()) !== undefined);
  t.deepEqual(await saved(), [3]);
  await store("c");
  await until("the fourth is handled", () => handled.length === 4);
  stopping.abort();
  await following;
  t.deepEqual(await saved(), [4], "it is saved at the end");

  const next = start(t, { log });
  await next.store("d");
  await next.events.catchUp(next.stopping.signal);
  t.deepEqual(next.handled, ["d@5"]);
  t.deepEqual(await saved(), [5]);
});

test("(2) entities are handled side by side, the records of one in order", async (t) => {
  const gate = Promise.withResolvers<void>();
  const begun: string[] = [];
  const { events, stopping, handled, store } = start(t, {
    handle: ({ id, position }) => {
      begun.push(`${id}@${position}`);
      return position === 1 ? gate.promise : undefined;
    },
  });
  await store("a", "b", "a", "b", "a");
  const running = events.catchUp(stopping.signal);
  await until("b is handled", () => handled.length === 2);
  t.deepEqual(begun, ["a@1", "b@2", "b@4"]);
  gate.resolve();
  await running;
  t.deepEqual(handled, ["b@2", "b@4", "a@1", "a@3", "a@5"]);
});

test("(1, 7) what is open when it stops is not begun, not passed by the checkpoint, and handled by the next run", async (t) => {
  let gate = Promise.withResolvers<void>();
  let signal: AbortSignal | undefined;
  const { events, stopping, handled, logged, store, saved } = start(t, {
    // A failure because of the stop is none of the record.
    isPoison: () => true,
    handle: ({ id }, _partition, given) => {
      signal = given;
      return id === "a" ? gate.promise : undefined;
    },
  });
  await store("b", "a", "b", "a");
  let isOver = false;
  const running = events.catchUp(stopping.signal).then(() => {
    isOver = true;
  });
  await until("b is handled", () => handled.length === 2);
  stopping.abort();
  t.true(signal?.aborted);
  await turn();
  t.false(isOver, "it waits for what was begun");
  gate.reject(new Error("stopped"));
  await running;
  t.deepEqual(handled, ["b@1", "b@3"]);
  t.deepEqual(await saved(), [1]);
  t.deepEqual(logged, []);

  gate = Promise.withResolvers();
  gate.resolve();
  await events.catchUp(new AbortController().signal);
  t.deepEqual(handled.slice(2).sort(), ["a@2", "a@4", "b@3"]);
  t.deepEqual(await saved(), [4]);
});

test("I12 (4) poison is logged and skipped, and holds up nobody", async (t) => {
  const { events, stopping, handled, logged, store, saved } = start(t, {
    isPoison: (error) => error instanceof RangeError,
    handle: ({ id }) => {
      if (id === "bad") throw new RangeError("no such thing");
    },
  });
  await store("a", "bad", "bad", "b");
  await events.catchUp(stopping.signal);
  t.deepEqual(handled.sort(), ["a@1", "b@4"]);
  const text = "consumer: a record is poison: no such thing";
  t.deepEqual(logged, [text, text]);
  t.deepEqual(await saved(), [4]);
});

test("(4, 5) a record is tried again after growing pauses, then parked, and that is tried again as well", async (t) => {
  const parked: unknown[] = [];
  let tries = 0;
  const { clock, events, stopping, handled, logged, store, saved } = start(t, {
    isPoison: (_error, failures) => failures === 3,
    handle: ({ id }) => {
      if (id === "bad") throw new Error(`try ${++tries}`);
    },
    park: ({ id, position }, partition, error) => {
      parked.push({ id, position, partition, error: (error as Error).message });
      return parked.length === 1 ? Promise.reject(new Error("parking is full")) : Promise.resolve();
    },
  });
  await store("bad", "b");
  const running = events.catchUp(stopping.signal);
  for (const pauseMs of [100, 200, 100]) {
    await until("it pauses", () => clock.pending === 1);
    clock.advance(pauseMs - 1);
    t.is(clock.pending, 1);
    t.deepEqual(handled, ["b@2"]);
    clock.advance(1);
  }
  await running;
  t.is(tries, 3);
  const bad = { id: "bad", position: 1, partition: 0, error: "try 3" };
  t.deepEqual(parked, [bad, bad]);
  t.deepEqual(logged, [
    "consumer: a record is tried again: try 1",
    "consumer: a record is tried again: try 2",
    "consumer: a record is poison: try 3",
    "consumer: a record is tried again: parking is full",
  ]);
  t.deepEqual(await saved(), [2]);
});

test("(5) follow reads on after the log has failed; other partitions do not wait for that", async (t) => {
  const whole = twoPartitions();
  let isDown = true;
  const { clock, events, stopping, handled, store, saved } = start(t, {
    log: altered(whole, {
      lastPosition: (type, partition) =>
        isDown && partition === 0 ? down() : whole.lastPosition(type, partition),
    }),
  });
  await store("a", "b");
  const following = events.follow(stopping.signal);
  await until("b is handled", () => handled.length === 1);
  // The second timer saves the checkpoint.
  for (const pauseMs of [100, 200]) {
    await until("it pauses", () => clock.pending === 2);
    clock.advance(pauseMs - 1);
    t.is(clock.pending, 2);
    isDown = pauseMs === 100;
    clock.advance(1);
  }
  await until("a is handled", () => handled.length === 2);
  await store("b", "a");
  await until("all is handled", () => handled.length === 4);
  stopping.abort();
  await following;
  t.deepEqual(handled.slice(0, 2), ["b@1", "a@1"]);
  t.deepEqual(await saved(), [2, 2]);
});

test("(5) a tail that breaks in the middle is read on from there, with short pauses as long as it gives records", async (t) => {
  const memory = openMemoryLog();
  const from: Position[] = [];
  const { clock, events, stopping, handled, store } = start(t, {
    log: altered(memory, {
      async *tail(type, partition, after, signal) {
        from.push(after);
        for await (const record of memory.tail(type, partition, after, signal)) {
          yield record;
          throw new EventLogError("LOG_CORRUPT", "broken");
        }
      },
    }),
  });
  await store("a", "b", "a");
  const following = events.follow(stopping.signal);
  for (const count of [1, 2, 3]) {
    await until("it pauses", () => clock.pending === 2);
    t.is(handled.length, count);
    clock.advance(100);
  }
  await until("it waits for more", () => from.length === 4);
  t.deepEqual(from, [0, 1, 2, 3]);
  stopping.abort();
  await following;
});

test("(5) catchUp rejects if the log fails, and keeps what it has settled; the next run goes on", async (t) => {
  const memory = openMemoryLog();
  let isDown = true;
  const { events, stopping, handled, store, saved } = start(t, {
    log: altered(memory, {
      async *tail(...of) {
        for await (const record of memory.tail(...of)) {
          if (record.position === 2 && isDown) await down();
          yield record;
        }
      },
    }),
  });
  await store("a", "b");
  await t.throwsAsync(events.catchUp(stopping.signal), { code: "LOG_UNAVAILABLE" });
  t.deepEqual(handled, ["a@1"]);
  t.deepEqual(await saved(), [1]);
  isDown = false;
  await events.catchUp(stopping.signal);
  t.deepEqual(handled, ["a@1", "b@2"]);
});

test("(5) a checkpoint that cannot be read rejects; one that cannot be saved is saved the next time", async (t) => {
  const memory = openMemoryLog();
  let isDown = true;
  const saves: unknown[] = [];
  const { events, stopping, handled, logged, store, saved } = start(t, {
    log: altered(memory, {
      readCheckpoint: (name) => (isDown ? down() : memory.readCheckpoint(name)),
      saveCheckpoint: (name, positions) => {
        saves.push(positions);
        return saves.length === 1 ? down() : memory.saveCheckpoint(name, positions);
      },
    }),
  });
  await store("a");
  await t.throwsAsync(events.catchUp(stopping.signal), { code: "LOG_UNAVAILABLE" });
  isDown = false;
  await events.catchUp(stopping.signal);
  t.deepEqual(handled, ["a@1"]);
  t.is(await saved(), undefined);
  t.deepEqual(logged, ["consumer: the checkpoint cannot be saved now: down"]);
  await events.catchUp(stopping.signal);
  t.deepEqual(await saved(), [1]);
  await events.catchUp(stopping.signal);
  t.is(saves.length, 2, "what is saved is not saved again");
});

test("(6) a partition that ends before its checkpoint is read from the beginning", async (t) => {
  const log = twoPartitions();
  await log.saveCheckpoint(NAME, [1_000, 1]);
  const { events, stopping, handled, logged, store, saved } = start(t, { log });
  await store("a", "a", "b", "b");
  await events.catchUp(stopping.signal);
  t.deepEqual(handled.sort(), ["a@1", "a@2", "b@2"]);
  t.regex(logged.join(), /set back/);
  t.deepEqual(await saved(), [2, 2]);
});

test("I11 (3) no more is open than maxOpenBytes and a record; other partitions do not wait", async (t) => {
  const gate = Promise.withResolvers<void>();
  let open = 0;
  let most = 0;
  const { events, stopping, handled, store } = start(t, {
    log: twoPartitions(),
    maxOpenBytes: 2_100,
    handle: async (_record, partition) => {
      if (partition === 1) return;
      most = Math.max(most, ++open);
      await gate.promise;
      open--;
    },
  });
  await store("a1", "a2", "a3", "a4", "a5", "b1", "b2", "b3", "b4", "b5");
  const running = events.catchUp(stopping.signal);
  await until("the other partition is at its end", () => handled.length === 5);
  t.is(open, 3, "with 1 KiB for each");
  gate.resolve();
  await running;
  t.is(handled.length, 10);
  t.is(most, 3);
});

test("I11 (3) so many records are read in a second", async (t) => {
  const { clock, events, stopping, handled, store } = start(t, { maxRecordsPerSecond: 4 });
  await store("a", "b", "c", "d", "e", "f", "g", "h", "i");
  const running = events.catchUp(stopping.signal);
  for (const count of [4, 8]) {
    await until("it pauses", () => clock.pending === 1);
    t.is(handled.length, count);
    clock.advance(999);
    t.is(clock.pending, 1);
    clock.advance(1);
  }
  await running;
  t.is(handled.length, 9);
});

test("a consumer of some partitions saves their positions only", async (t) => {
  const { events, stopping, handled, store, saved } = start(t, { log: twoPartitions(), partitions: [1] });
  await store("a", "b", "a", "b");
  await events.catchUp(stopping.signal);
  t.deepEqual(handled, ["b@1", "b@2"]);
  t.deepEqual(await saved(), [2]);
});

test("the consumer may hold the checkpoint back, and save none", async (t) => {
  const wish: { hold?: Position } = {};
  const { events, stopping, handled, store, saved } = start(t, {
    maxOpenBytes: 1,
    checkpoint: (_partition, settled) => wish.hold && Math.min(wish.hold, settled),
  });
  await store("a", "b");
  await events.catchUp(stopping.signal);
  t.deepEqual(handled, ["a@1", "b@2"]);
  t.is(await saved(), undefined);
  wish.hold = 1;
  await store("c");
  await events.catchUp(stopping.signal);
  t.deepEqual(handled, ["a@1", "b@2", "c@3"]);
  t.deepEqual(await saved(), [1]);
});

test("(1, 2) whatever fails and whenever it stops: each record is handled after those before it of its entity", async (t) => {
  const ids = fc.array(fc.constantFrom("a", "b", "ba", "bb"), { minLength: 1, maxLength: 20 });
  /** How many attempts succeed before one fails, and when the process is replaced. */
  const luck = fc.infiniteStream(
    fc.constantFrom("good", "good", "fails", "poison", "stop", "crash", "log fails"),
  );
  await fc.assert(
    fc.asyncProperty(ids, luck, fc.constantFrom(1, 3_000, 65_536), async (ids, luck, maxOpenBytes) => {
      const whole = twoPartitions();
      let draws = 0;
      let stopping = new AbortController();
      // So that every run ends: after a while all goes well.
      const draw = () => (++draws > 60 ? "good" : luck.next().value);
      const log = altered(whole, {
        async *tail(...of) {
          for await (const record of whole.tail(...of)) {
            if (draw() === "log fails") await down();
            yield record;
          }
        },
      });
      const settled = new Map<string, Position[]>();
      const note = ({ id, position }: TailRecord) => settled.set(id, [...(settled.get(id) ?? []), position]);
      const handling = new Set<string>();
      const options: Partial<Consumer> & Parameters<typeof start>[1] = {
        log,
        maxOpenBytes,
        isPoison: (error) => (error as Error).message === "poison",
        park: async (record) => void note(record),
        handle: async (record) => {
          t.false(handling.has(record.id), "one at a time");
          handling.add(record.id);
          await turn();
          handling.delete(record.id);
          const fate = draw();
          if (fate === "stop") stopping.abort();
          if (fate === "fails" || fate === "poison") throw new Error(fate);
          note(record);
        },
      };
      let world = start(t, options);
      const positions = new Map<string, Position[]>();
      for (const id of ids) positions.set(id, [...(positions.get(id) ?? []), ...(await world.store(id))]);
      const ends = await Promise.all([0, 1].map((partition) => whole.lastPosition("cart", partition)));
      for (;;) {
        const over = new AbortController();
        const running = world.events.catchUp(stopping.signal).catch((error: unknown) => {
          t.true(error instanceof EventLogError);
        });
        void running.finally(() => over.abort());
        while (!over.signal.aborted) {
          await turn();
          world.clock.advance(10_000);
        }
        const checkpoint = (await world.saved()) ?? [];
        for (const [id, all] of positions) {
          const upTo = checkpoint[id.startsWith("b") ? 1 : 0] ?? NO_POSITION;
          const missing = all.filter((position) => position <= upTo && !settled.get(id)?.includes(position));
          t.deepEqual(missing, [], "the checkpoint passes nothing that is not settled");
        }
        if (checkpoint.join() === ends.join() && !stopping.signal.aborted) break;
        stopping = new AbortController();
        if (draw() === "crash") world = start(t, options);
      }
      for (const [id, all] of positions) {
        const firsts = [...new Set(settled.get(id))];
        t.deepEqual(firsts, all, "each is settled, in order");
      }
    }),
    { numRuns: 150 },
  );
});
