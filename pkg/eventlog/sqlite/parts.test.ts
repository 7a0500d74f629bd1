// SPDX-License-Identifier: Apache-2.0

/** Tests of the small parts of the SQLite log that need no file. */

import test from "ava";
import fc from "fast-check";

import { ManualClock } from "../../base/test-doubles/mod.ts";

import { EventLogError } from "../event-log.ts";
import type { Operation } from "./batch.ts";
import { packBatch, unpackBatch } from "./batch.ts";
import { CheckpointSchedule } from "./checkpoint-schedule.ts";
import { LastPositions } from "./last-positions.ts";
import { ReadTurns } from "./read-turns.ts";
import { fromErrorMessage, toErrorMessage, translateError } from "./sqlite-error.ts";
import { fromStored, toStored } from "./stored-text.ts";

test("a batch gives back the operations that it was made of", (t) => {
  const operation: fc.Arbitrary<Operation> = fc.record({
    kind: fc.constantFrom(0 as const, 1 as const),
    entity: fc.record({ type: fc.string(), id: fc.string() }),
    position: fc.nat(),
    bytes: fc.uint8Array(),
  });
  fc.assert(
    fc.property(fc.array(operation), (operations) => {
      const unpacked: Operation[] = [];
      unpackBatch(packBatch(operations), (one) => unpacked.push({ ...one, bytes: one.bytes.slice() }));
      t.deepEqual(
        unpacked,
        operations.map((one) => ({ ...one, bytes: one.bytes.slice() })),
      );
    }),
  );
});

test("any string comes back from its stored form, and no two share one", (t) => {
  const anyText = fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) });
  fc.assert(fc.property(anyText, (text) => fromStored(toStored(text)) === text));
  t.not(toStored("\ud800"), toStored("\ufffd"));
});

test("last positions: the entity that was used longest ago goes first, and long keys are not kept", (t) => {
  const cache = new LastPositions(2);
  const known = (key: number) => ({ key, type: 1, last: key });
  const entity = (id: string) => ({ type: "cart", id });
  cache.set(entity("a"), known(1));
  cache.set(entity("b"), known(2));
  t.is(cache.get(entity("a"))?.key, 1);
  cache.set(entity("c"), known(3));
  t.is(cache.get(entity("b")), undefined);
  t.is(cache.get(entity("a"))?.key, 1);
  t.is(cache.size, 2);
  cache.clear();
  cache.set(entity("x".repeat(2_000)), known(4));
  t.is(cache.size, 0);
  cache.set({ type: "1:a", id: "b" }, known(5));
  t.is(cache.get({ type: "1:", id: "ab" }), undefined);
});

test("reads: as many as a slice has time for in one turn, the others in order in later ones", async (t) => {
  const clock = new ManualClock();
  const turns = new ReadTurns(clock, 4, 100);
  const done: number[] = [];
  const read = (index: number) =>
    turns.run(() => {
      clock.advance(3);
      return done.push(index);
    });
  const all = Array.from({ length: 6 }, (_, index) => read(index));
  t.deepEqual(done, [0, 1]);
  await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(done, [0, 1, 2, 3]);
  const late = read(6);
  t.deepEqual(done, [0, 1, 2, 3], "who comes late does not pass those who wait");
  await Promise.all([...all, late]);
  t.deepEqual(done, [0, 1, 2, 3, 4, 5, 6]);
});

test("I11: reads beyond the bound are refused with LOG_OVERLOADED; a read that throws harms no other", async (t) => {
  const clock = new ManualClock();
  const turns = new ReadTurns(clock, 1, 2);
  const read = (action: () => string) =>
    turns.run(() => {
      clock.advance(1);
      return action();
    });
  const failing = () => {
    throw new EventLogError("LOG_CORRUPT", "damaged");
  };
  const outcomes = await Promise.allSettled([
    read(() => "now"),
    read(failing),
    read(() => "later"),
    read(() => "never"),
  ]);
  t.deepEqual(
    outcomes.map((outcome) =>
      outcome.status === "fulfilled" ? outcome.value : (outcome.reason as EventLogError).code,
    ),
    ["now", "LOG_CORRUPT", "later", "LOG_OVERLOADED"],
  );
});

test("checkpoints: none for a short log, one in a quiet moment for a longer one, at once for one at its bound", (t) => {
  const clock = new ManualClock();
  const wal = new FakeWal();
  const schedule = new CheckpointSchedule(wal, { checkpointPages: 10, maxWalPages: 100 }, clock, (error) =>
    t.fail(error.message),
  );
  const commit = (pages: number) => {
    wal.pages = pages;
    schedule.afterCommit();
  };
  commit(9);
  clock.advance(1_000);
  t.is(wal.checkpoints, 0);
  for (let pages = 10; pages < 60; pages += 10) {
    commit(pages);
    clock.advance(15);
  }
  t.is(wal.checkpoints, 0, "no moment was quiet");
  clock.advance(40);
  t.is(wal.checkpoints, 1);
  commit(100);
  t.is(wal.checkpoints, 2);
  commit(10);
  schedule.stop();
  clock.advance(1_000);
  t.is(wal.checkpoints, 2);
  t.is(clock.pending, 0);
});

test("checkpoints: a failure is reported once, and the next commit tries again", (t) => {
  const errors: string[] = [];
  const wal = new FakeWal();
  const limits = { checkpointPages: 10, maxWalPages: 100 };
  const schedule = new CheckpointSchedule(wal, limits, new ManualClock(), (error) => errors.push(error.code));
  wal.pages = 200;
  wal.failing = true;
  schedule.afterCommit();
  schedule.afterCommit();
  t.deepEqual(errors, ["LOG_FULL"]);
  wal.failing = false;
  schedule.afterCommit();
  t.is(wal.checkpoints, 1);
  wal.failing = true;
  schedule.afterCommit();
  t.deepEqual(errors, ["LOG_FULL", "LOG_FULL"]);
});

test("checkpoints: the log's size is read only when it may have reached a limit", (t) => {
  const clock = new ManualClock();
  const wal = new FakeWal();
  const schedule = new CheckpointSchedule(wal, { checkpointPages: 10, maxWalPages: 100 }, clock, (error) =>
    t.fail(error.message),
  );
  const commit = (pages: number, atMost: number) => {
    wal.pages += pages;
    schedule.afterCommit(atMost);
    return wal.looks;
  };
  t.is(commit(1, 4), 1, "nothing was known");
  t.deepEqual([commit(1, 4), commit(1, 4), commit(1, 4)], [1, 1, 2], "9 pages, of which 12 may be used");
  t.is(commit(6, 6), 3);
  clock.advance(15);
  t.is(commit(40, 40), 3, "up to the bound are 90");
  clock.advance(20);
  t.is(wal.checkpoints, 0, "the commit counts, though the size was not read");
  t.is(commit(51, 51), 4);
  t.is(wal.checkpoints, 1);
  wal.pages = 0;
  t.is(commit(1, 4), 5, "after a checkpoint nothing is known");
  t.is(clock.pending, 0);
});

test("errors of SQLite and of the file system become the log's, with the path and the first cause", (t) => {
  const sqlite = (errcode: number) =>
    Object.assign(new Error("of SQLite"), { code: "ERR_SQLITE_ERROR", errcode });
  const system = (code: string) => Object.assign(new Error("of the system"), { code, syscall: "open" });
  const table = [
    [sqlite(13), "LOG_FULL"],
    [sqlite(11), "LOG_CORRUPT"],
    [sqlite(26), "LOG_CORRUPT"],
    [sqlite(5), "LOG_UNAVAILABLE"],
    [sqlite(8 | (1 << 8)), "LOG_UNAVAILABLE"],
    [sqlite(10 | (4 << 8)), "LOG_UNAVAILABLE"],
    [sqlite(18), "RECORD_TOO_LARGE"],
    [system("ENOSPC"), "LOG_FULL"],
    [system("EROFS"), "LOG_UNAVAILABLE"],
    [system("EWHATEVER"), "LOG_UNAVAILABLE"],
    ["no error at all", "LOG_UNAVAILABLE"],
  ] as const;
  for (const [thrown, code] of table) {
    const error = translateError(thrown, "/data/log.db", "writing");
    t.is(error.code, code);
    t.regex(error.message, /^\/data\/log\.db: writing: /);
    const received = fromErrorMessage(structuredClone(toErrorMessage(error)));
    t.is(received.code, code);
    t.is(received.message, error.message);
    t.is((received.cause as Error).message, (error.cause as Error).message);
  }
});

class FakeWal {
  pages = 0;
  looks = 0;
  checkpoints = 0;
  failing = false;

  walPages(): number {
    this.looks++;
    return this.pages;
  }

  checkpoint(): void {
    if (this.failing) throw new EventLogError("LOG_FULL", "no space");
    this.checkpoints++;
  }
}
