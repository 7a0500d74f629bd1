// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";

import type { EntityKey, EventLog, Position } from "../event-log.ts";
import { NO_POSITION } from "../event-log.ts";
import type { ContractCase } from "./harness.ts";
import {
  ann,
  appendAll,
  bob,
  bytes,
  endsWithItsProcess,
  listAll,
  partitionsOf,
  readAll,
  refused,
  sameRecords,
  take,
} from "./harness.ts";

export const replaceCases: readonly ContractCase[] = [
  {
    title:
      "readLast gives the newest record, however it was stored, and nothing of an entity without records",
    async run({ log }) {
      assert.equal(await log.readLast(ann), undefined);
      await log.saveSnapshot(ann, 1, bytes("only a snapshot"));
      assert.equal(await log.readLast(ann), undefined);
      const last = await replaceAll(log, bob, ["a", "b"]);
      await isLast(log, bob, last, "b");
      const [first, second] = await appendAll(log, { type: "other", id: "bob" }, [bytes("c"), bytes("d")]);
      await isLast(log, { type: "other", id: "bob" }, second, "d");
      assert.ok(first !== second);
      await isLast(log, bob, last, "b");
    },
  },
  {
    title: "(10) a replacement is the only record of its entity, and no other entity loses anything",
    async run({ log }) {
      const others = [bob, { type: "other", id: ann.id }];
      for (const other of others) await appendAll(log, other, [bytes("1"), bytes("2")]);
      const last = await replaceAll(log, ann, ["a", "b", "c"]);
      sameRecords(await readAll(log, ann), [bytes("c")]);
      sameRecords((await log.read(ann, NO_POSITION)).records, [bytes("c")]);
      assert.deepEqual(await log.read(ann, last), { records: [], end: true });
      for (const other of others) sameRecords(await readAll(log, other), [bytes("1"), bytes("2")]);
      assert.deepEqual(await listAll(log, "cart"), ["ann", "bob"]);
    },
  },
  {
    title: "(1, I3) a replacement behind any position but the last is refused and changes nothing",
    async run({ log }) {
      const first = await log.replace(ann, NO_POSITION, bytes("a"));
      const second = await log.replace(ann, first, bytes("b"));
      for (const wrong of [NO_POSITION, first, second + 1, second + 1_000]) {
        await refused(log.replace(ann, wrong, bytes("x")), "APPEND_CONFLICT");
      }
      await refused(log.replace(bob, first, bytes("x")), "APPEND_CONFLICT");
      await isLast(log, ann, second, "b");
      assert.equal(await log.readLast(bob), undefined);
      await log.replace(ann, second, bytes("c"));
    },
  },
  {
    title: "(1, I3) of many replacements behind one position exactly one wins, at every position",
    async run({ log }) {
      let expected = NO_POSITION;
      for (let round = 0; round < 10; round++) {
        const tries = Array.from({ length: 20 }, (_, racer) => `round ${round} racer ${racer}`);
        const outcomes = await Promise.allSettled(
          tries.map((text) => log.replace(ann, expected, bytes(text))),
        );
        const winners: [string, Position][] = [];
        for (const [racer, outcome] of outcomes.entries()) {
          if (outcome.status === "fulfilled") winners.push([tries[racer] ?? "", outcome.value]);
          else await refused(Promise.reject(outcome.reason), "APPEND_CONFLICT");
        }
        const [[text, position] = ["", NO_POSITION], ...rest] = winners;
        assert.deepEqual(rest, [], "one winner");
        expected = position;
        await isLast(log, ann, expected, text);
      }
    },
  },
  {
    title:
      "(3, 4, 10) a tail that comes late is told of the newest record only, one that follows of those to come",
    limits: { pageRecords: 3 },
    async run({ log }) {
      const ids = ["a", "b", "c", "d"];
      const last = new Map<string, Position>();
      const lastIn = (partition: number) =>
        Math.max(
          ...ids.map((id) => (log.partitionOf({ type: "cart", id }) === partition ? (last.get(id) ?? 0) : 0)),
        );
      for (const id of ids) last.set(id, await replaceAll(log, { type: "cart", id }, ["1", "2", "3"]));
      for (const partition of partitionsOf(log)) {
        const here = ids.filter((id) => log.partitionOf({ type: "cart", id }) === partition);
        const seen = await take(log, "cart", partition, NO_POSITION, here.length);
        assert.deepEqual(
          seen.map(({ id, position }) => [id, position]),
          here.map((id) => [id, last.get(id)]),
        );
      }
      const a = { type: "cart", id: "a" };
      const from = lastIn(log.partitionOf(a));
      const next = await log.replace(a, last.get("a") ?? NO_POSITION, bytes("4"));
      const [told] = await take(log, "cart", log.partitionOf(a), from, 1);
      assert.equal(told?.position, next);
    },
  },
  {
    title: "(5) the bytes of a replacement come back as they went in",
    async run({ log }) {
      const given = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 31) % 251);
      const expected = given.slice();
      const position = await log.replace(ann, NO_POSITION, given);
      given.fill(0);
      const read = await log.readLast(ann);
      sameRecords(read === undefined ? [] : [read], [expected]);
      read?.bytes.fill(7);
      await log.replace(bob, NO_POSITION, bytes("x"));
      const again = await log.readLast(ann);
      sameRecords(again === undefined ? [] : [again], [expected]);
      assert.equal(again?.position, position);
    },
  },
  {
    title: "(8, I11) a replacement beyond its bound is refused",
    limits: { maxRecordBytes: 1_000 },
    async run({ log }) {
      const position = await log.replace(ann, NO_POSITION, new Uint8Array(1_000));
      await refused(log.replace(ann, position, new Uint8Array(1_001)), "RECORD_TOO_LARGE");
    },
  },
  {
    title:
      "(2, 10) a replacement that was acknowledged is there after a crash at that moment, and nothing else",
    async run({ log, afterCrash }) {
      if (afterCrash === undefined) return endsWithItsProcess(log);
      const last = await replaceAll(log, ann, ["a", "b", "c"]);
      const again = await afterCrash();
      try {
        await isLast(again, ann, last, "c");
        sameRecords(await readAll(again, ann), [bytes("c")]);
        const next = await again.replace(ann, last, bytes("d"));
        assert.ok(next > last, "(3) positions go on");
      } finally {
        await again.close();
      }
    },
  },
  {
    title: "(9) after close neither is served",
    async run({ log }) {
      await log.replace(ann, NO_POSITION, bytes("a"));
      await log.close();
      await refused(log.readLast(ann), "LOG_CLOSED");
      await refused(log.replace(ann, NO_POSITION, bytes("b")), "LOG_CLOSED");
    },
  },
];

async function replaceAll(log: EventLog, entity: EntityKey, texts: readonly string[]): Promise<Position> {
  let last = NO_POSITION;
  for (const text of texts) last = await log.replace(entity, last, bytes(text));
  return last;
}

async function isLast(
  log: EventLog,
  entity: EntityKey,
  position: Position | undefined,
  text: string,
): Promise<void> {
  const last = await log.readLast(entity);
  assert.equal(last?.position, position);
  sameRecords(last === undefined ? [] : [last], [bytes(text)]);
}
