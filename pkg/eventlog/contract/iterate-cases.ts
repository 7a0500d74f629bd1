// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";

import type { EntityKey, EventLog, Position, TailRecord } from "../event-log.ts";
import { NO_POSITION } from "../event-log.ts";
import type { ContractCase } from "./harness.ts";
import {
  ann,
  appendAll,
  bob,
  bytes,
  listAll,
  partitionsOf,
  refused,
  rising,
  sameRecords,
  take,
} from "./harness.ts";

const other = { type: "other", id: "ann" };

export const iterateCases: readonly ContractCase[] = [
  {
    title: "an entity is in one partition, whichever of its records is looked at",
    async run({ log }) {
      assert.ok(Number.isSafeInteger(log.partitions) && log.partitions > 0);
      for (let i = 0; i < 100; i++) {
        const entity = { type: "cart", id: `${i}` };
        assert.ok(partitionsOf(log).includes(log.partitionOf(entity)));
        assert.equal(log.partitionOf({ ...entity }), log.partitionOf(entity));
      }
    },
  },
  {
    title: "(3, 4) tail gives what is stored, of all entities of the type and of no other, in order",
    limits: { pageRecords: 3 },
    async run({ log }) {
      const written: Written[] = [];
      for (let i = 0; i < 5; i++) {
        for (const id of ["a", "b", "c", "d", "e", "f"]) {
          for (const type of ["cart", "other"]) written.push(await write(log, written, { type, id }));
        }
      }
      for (const partition of partitionsOf(log)) {
        const expected = written.filter((one) => one.type === "cart" && one.partition === partition);
        const all = await take(log, "cart", partition, NO_POSITION, expected.length);
        assert.deepEqual(placesOf(all), placesOf(expected));
        sameRecords(
          all,
          expected.map(({ text }) => bytes(text)),
        );
        const half = Math.floor(expected.length / 2);
        const from = expected[half - 1]?.position ?? NO_POSITION;
        const behind = await take(log, "cart", partition, from, expected.length - half);
        assert.deepEqual(placesOf(behind), placesOf(expected.slice(half)));
      }
    },
  },
  {
    title: "tail goes on with what is appended later, each record once, and ends with the signal",
    limits: { pageRecords: 3 },
    async run({ log }) {
      const partition = log.partitionOf(ann);
      const before = await appendAll(log, ann, [bytes("0"), bytes("1")]);
      const abort = new AbortController();
      const tail = new Following(log, "cart", partition, abort.signal);
      await tail.reach(2);
      const after: number[] = [];
      for (let i = 2; i < 12; i++) {
        await log.append({ type: "other", id: `${i}` }, NO_POSITION, bytes("x"));
        after.push(...(await appendAll(log, ann, [bytes(`${i}`)], after.at(-1) ?? before[1] ?? NO_POSITION)));
        if (i % 3 === 0) await tail.reach(i + 1);
      }
      await tail.reach(12);
      assert.deepEqual(
        tail.seen.map((record) => record.position),
        [...before, ...after],
      );
      abort.abort();
      await tail.ended;
      assert.equal(tail.seen.length, 12);
    },
  },
  {
    title: "(3, 4) tails miss nothing while many append at once",
    async run({ log }) {
      const abort = new AbortController();
      const tails = partitionsOf(log).map((partition) => new Following(log, "cart", partition, abort.signal));
      const written: Written[] = [];
      const writer = async (id: string): Promise<void> => {
        for (let i = 0; i < 10; i++) written.push(await write(log, written, { type: "cart", id }));
      };
      await Promise.all(Array.from({ length: 10 }, (_, index) => writer(`w${index}`)));
      for (const [partition, tail] of tails.entries()) {
        const expected = written.filter((one) => one.partition === partition);
        await tail.reach(expected.length);
        rising(tail.seen.map((record) => record.position));
        assert.deepEqual(new Set(placesOf(tail.seen)), new Set(placesOf(expected)));
      }
      abort.abort();
      await Promise.all(tails.map((tail) => tail.ended));
      assert.equal(tails.flatMap((tail) => tail.seen).length, 100);
    },
  },
  {
    title: "tail with a signal that has aborted ends at once; one that aborts on the way stops there",
    async run({ log }) {
      const partition = log.partitionOf(ann);
      await appendAll(log, ann, [bytes("0"), bytes("1"), bytes("2")]);
      for await (const record of log.tail("cart", partition, NO_POSITION, AbortSignal.abort()))
        assert.fail(`${record.position}`);
      assert.equal((await take(log, "cart", partition, NO_POSITION, 2)).length, 2);
      const abort = new AbortController();
      const idle = new Following(log, "nothing of this type", partition, abort.signal);
      abort.abort();
      await idle.ended;
    },
  },
  {
    title: "list gives each entity of a type that has a record, once",
    limits: { pageRecords: 3 },
    async run({ log }) {
      assert.deepEqual(await listAll(log, "cart"), []);
      const ids = Array.from({ length: 10 }, (_, index) => `id ${index}`);
      await Promise.all(ids.map((id) => appendAll(log, { type: "cart", id }, [bytes("0"), bytes("1")])));
      await log.append(other, NO_POSITION, bytes("x"));
      assert.deepEqual(await listAll(log, "cart"), ids);
      assert.deepEqual(await listAll(log, "other"), ["ann"]);
      assert.deepEqual(await listAll(log, "third"), []);
    },
  },
  {
    title: "(9) close lets finish what was accepted and refuses what comes later",
    async run({ log }) {
      const accepted = Array.from({ length: 20 }, (_, i) =>
        log.append({ type: "cart", id: `${i}` }, NO_POSITION, bytes("x")),
      );
      const saved = log.saveSnapshot(ann, 1, bytes("s"));
      const closed = log.close();
      const late = refused(log.append(ann, NO_POSITION, bytes("late")), "LOG_CLOSED");
      await Promise.all([Promise.all(accepted), saved, closed, late, log.close()]);
      await refused(log.read(ann), "LOG_CLOSED");
      await refused(log.append(ann, NO_POSITION, bytes("x")), "LOG_CLOSED");
      await refused(log.saveSnapshot(ann, 1, bytes("x")), "LOG_CLOSED");
      await refused(listAll(log, "cart"), "LOG_CLOSED");
      await refused(take(log, "cart", 0, NO_POSITION, 1), "LOG_CLOSED");
    },
  },
  {
    title: "(9) close refuses the next step of what is still open",
    async run({ log }) {
      await appendAll(log, ann, [bytes("0"), bytes("1")]);
      await appendAll(log, bob, [bytes("0")]);
      const { signal } = new AbortController();
      const partition = log.partitionOf(ann);
      const waiting = log.tail("nothing of this type", 0, NO_POSITION, signal)[Symbol.asyncIterator]();
      const reading = log.tail("cart", partition, NO_POSITION, signal)[Symbol.asyncIterator]();
      const listing = log.list("cart")[Symbol.asyncIterator]();
      const woken = refused(waiting.next(), "LOG_CLOSED");
      await reading.next();
      await listing.next();
      await log.close();
      await woken;
      await refused(reading.next(), "LOG_CLOSED");
      await refused(listing.next(), "LOG_CLOSED");
    },
  },
];

interface Written extends EntityKey {
  readonly partition: number;
  readonly position: Position;
  readonly text: string;
}

/** Appends a record after the entity's last record in `written`. */
async function write(log: EventLog, written: readonly Written[], entity: EntityKey): Promise<Written> {
  const last = written.findLast(({ type, id }) => type === entity.type && id === entity.id);
  const text = `${entity.type} ${entity.id} ${written.length}`;
  const position = await log.append(entity, last?.position ?? NO_POSITION, bytes(text));
  return { ...entity, partition: log.partitionOf(entity), position, text };
}

function placesOf(records: readonly { readonly id: string; readonly position: Position }[]): string[] {
  return records.map(({ id, position }) => `${id} ${position}`);
}

/** Reads a tail in the background. */
class Following {
  readonly seen: TailRecord[] = [];
  readonly ended: Promise<void>;
  #awaited = { count: 0, reached: Promise.withResolvers<void>() };

  constructor(log: EventLog, type: string, partition: number, signal: AbortSignal) {
    this.ended = this.#follow(log, type, partition, signal);
  }

  /** Resolves when `count` records have come. */
  async reach(count: number): Promise<void> {
    if (this.seen.length >= count) return;
    this.#awaited = { count, reached: Promise.withResolvers() };
    await Promise.race([this.#awaited.reached.promise, this.ended]);
    assert.ok(this.seen.length >= count, "the tail ended early");
  }

  async #follow(log: EventLog, type: string, partition: number, signal: AbortSignal): Promise<void> {
    for await (const record of log.tail(type, partition, NO_POSITION, signal)) {
      this.seen.push(record);
      if (this.seen.length >= this.#awaited.count) this.#awaited.reached.resolve();
    }
  }
}
