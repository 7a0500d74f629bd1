// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";

import { NO_POSITION } from "../event-log.ts";
import type { EventLog, TailRecord } from "../event-log.ts";
import { ann, appendAll, bob, bytes, listAll, refused, rising, sameRecords, take } from "./harness.ts";
import type { ContractCase } from "./harness.ts";

const other = { type: "other", id: "ann" };

export const iterateCases: readonly ContractCase[] = [
  {
    title: "(3, 4) tail gives what is stored, of all entities of the type and of no other, in order",
    limits: { pageRecords: 3 },
    async run({ log }) {
      const expected: { id: string; position: number }[] = [];
      const last = { ann: NO_POSITION, bob: NO_POSITION, other: NO_POSITION };
      for (let i = 0; i < 8; i++) {
        last.ann = await log.append(ann, last.ann, bytes(`a${i}`));
        last.other = await log.append(other, last.other, bytes("x"));
        last.bob = await log.append(bob, last.bob, bytes(`b${i}`));
        expected.push({ id: "ann", position: last.ann }, { id: "bob", position: last.bob });
      }
      const all = await take(log, "cart", NO_POSITION, 16);
      assert.deepEqual(
        all.map(({ id, position }) => ({ id, position })),
        expected,
      );
      sameRecords(all.slice(0, 2), [bytes("a0"), bytes("b0")]);
      const behind = await take(log, "cart", expected[4]?.position ?? NO_POSITION, 11);
      assert.deepEqual(
        behind.map(({ id, position }) => ({ id, position })),
        expected.slice(5),
      );
    },
  },
  {
    title: "tail goes on with what is appended later, each record once, and ends with the signal",
    limits: { pageRecords: 3 },
    async run({ log }) {
      const before = await appendAll(log, ann, [bytes("0"), bytes("1")]);
      const abort = new AbortController();
      const tail = new Following(log, "cart", abort.signal);
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
    title: "tail misses nothing while many append at once",
    async run({ log }) {
      const abort = new AbortController();
      const tail = new Following(log, "cart", abort.signal);
      const writers = Array.from({ length: 10 }, async (_, writer) =>
        appendAll(
          log,
          { type: "cart", id: `w${writer}` },
          Array.from({ length: 10 }, (_, i) => bytes(`${i}`)),
        ),
      );
      const positions = (await Promise.all(writers)).flat();
      await tail.reach(100);
      abort.abort();
      await tail.ended;
      rising(tail.seen.map((record) => record.position));
      assert.deepEqual(new Set(tail.seen.map((record) => record.position)), new Set(positions));
    },
  },
  {
    title: "tail with a signal that has aborted ends at once; one that aborts on the way stops there",
    async run({ log }) {
      await appendAll(log, ann, [bytes("0"), bytes("1"), bytes("2")]);
      for await (const record of log.tail("cart", NO_POSITION, AbortSignal.abort()))
        assert.fail(`${record.position}`);
      assert.equal((await take(log, "cart", NO_POSITION, 2)).length, 2);
      const abort = new AbortController();
      const idle = new Following(log, "nothing of this type", abort.signal);
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
      const [positions] = await Promise.all([Promise.all(accepted), saved, closed, late, log.close()]);
      rising(positions.sort((a, b) => a - b));
      await refused(log.read(ann), "LOG_CLOSED");
      await refused(log.append(ann, NO_POSITION, bytes("x")), "LOG_CLOSED");
      await refused(log.saveSnapshot(ann, 1, bytes("x")), "LOG_CLOSED");
      await refused(listAll(log, "cart"), "LOG_CLOSED");
      await refused(take(log, "cart", NO_POSITION, 1), "LOG_CLOSED");
    },
  },
  {
    title: "(9) close refuses the next step of what is still open",
    async run({ log }) {
      await appendAll(log, ann, [bytes("0"), bytes("1")]);
      await appendAll(log, bob, [bytes("0")]);
      const { signal } = new AbortController();
      const waiting = log.tail("nothing of this type", NO_POSITION, signal)[Symbol.asyncIterator]();
      const reading = log.tail("cart", NO_POSITION, signal)[Symbol.asyncIterator]();
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

/** Reads a tail in the background. */
class Following {
  readonly seen: TailRecord[] = [];
  readonly ended: Promise<void>;
  #awaited = { count: 0, reached: Promise.withResolvers<void>() };

  constructor(log: EventLog, type: string, signal: AbortSignal) {
    this.ended = this.#follow(log, type, signal);
  }

  /** Resolves when so many records have come. */
  async reach(count: number): Promise<void> {
    if (this.seen.length >= count) return;
    this.#awaited = { count, reached: Promise.withResolvers() };
    await Promise.race([this.#awaited.reached.promise, this.ended]);
    assert.ok(this.seen.length >= count, "the tail ended early");
  }

  async #follow(log: EventLog, type: string, signal: AbortSignal): Promise<void> {
    for await (const record of log.tail(type, NO_POSITION, signal)) {
      this.seen.push(record);
      if (this.seen.length >= this.#awaited.count) this.#awaited.reached.resolve();
    }
  }
}
