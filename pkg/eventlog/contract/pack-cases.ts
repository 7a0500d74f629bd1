// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";

import type { EntityKey, EventLog, HistoryPage } from "../event-log.ts";
import { NO_POSITION } from "../event-log.ts";
import type { ContractCase } from "./harness.ts";
import { ann, appendAll, bob, bytes, listAll, readAll, refused, rising, sameRecords } from "./harness.ts";

const numbered = (count: number) => Array.from({ length: count }, (_, index) => bytes(`${index}`));

/** Reads from the beginning and after each record. Returns all results. */
async function allReads(log: EventLog, entity: EntityKey): Promise<HistoryPage[]> {
  const records = await readAll(log, entity);
  const reads = [await log.read(entity), await log.read(entity, NO_POSITION)];
  for (const { position } of records) reads.push(await log.read(entity, position));
  return reads;
}

export const packCases: readonly ContractCase[] = [
  {
    title: "a pack never changes what a read gives, with a snapshot and without",
    async run({ log }) {
      for (const count of [0, 1, 2, 12]) {
        for (const behind of new Set([undefined, 0, count - 1])) {
          const entity = { type: "packed", id: `${count} ${behind}` };
          const positions = await appendAll(log, entity, numbered(count));
          const position = behind === undefined ? undefined : positions[behind];
          if (position !== undefined) await log.saveSnapshot(entity, position, bytes("state"));
          const before = await allReads(log, entity);
          await log.pack(entity);
          assert.deepEqual(await allReads(log, entity), before);
          await log.pack(entity);
          assert.deepEqual(await allReads(log, entity), before);
        }
      }
    },
  },
  {
    title: "what is written after a pack is read: records, snapshots, and the next pack",
    async run({ log }) {
      const positions = await appendAll(log, ann, numbered(10));
      await log.pack(ann);
      const more = await appendAll(log, ann, [bytes("a"), bytes("b")], positions[9]);
      sameRecords(await readAll(log, ann), [...numbered(10), bytes("a"), bytes("b")]);
      await log.saveSnapshot(ann, positions[4] as number, bytes("five"));
      const page = await log.read(ann);
      assert.equal(page.snapshot?.position, positions[4]);
      sameRecords(page.records, [...numbered(10).slice(5), bytes("a"), bytes("b")]);
      await log.pack(ann);
      await log.saveSnapshot(ann, more[0] as number, bytes("eleven"));
      await log.pack(ann);
      await log.saveSnapshot(ann, positions[0] as number, bytes("one"));
      assert.equal((await log.read(ann)).snapshot?.position, more[0]);
      sameRecords(await readAll(log, ann), [bytes("b")]);
      sameRecords((await log.read(ann, NO_POSITION)).records, [...numbered(10), bytes("a"), bytes("b")]);
    },
  },
  {
    title: "a pack is of one entity, belongs to whoever reads it, and makes nobody listed",
    async run({ log }) {
      await appendAll(log, ann, numbered(10));
      await log.pack(ann);
      await log.pack(bob);
      assert.deepEqual(await log.read(bob), { records: [], end: true });
      for (const record of await readAll(log, ann)) record.bytes.fill(7);
      sameRecords(await readAll(log, ann), numbered(10));
      assert.deepEqual(await listAll(log, "cart"), ["ann"]);
    },
  },
  {
    title: "(8, I11) a packed history comes in pages as any other",
    limits: { pageRecords: 4, pageBytes: 40 },
    async run({ log }) {
      const records = [...numbered(2), new Uint8Array(50), ...numbered(7)];
      const positions: number[] = [];
      for (const record of records) {
        positions.push(await log.append(ann, positions.at(-1) ?? NO_POSITION, record));
        await log.pack(ann);
        sameRecords(await readAll(log, ann), records.slice(0, positions.length));
      }
      assert.equal((await log.read(ann)).records.length, 3);
    },
  },
  {
    title: "appends, snapshots and packs at once leave what they would one after the other",
    async run({ log }) {
      const count = 40;
      const positions: number[] = [];
      const writing = (async () => {
        for (const record of numbered(count)) {
          positions.push(await log.append(ann, positions.at(-1) ?? NO_POSITION, record));
        }
      })();
      const done = new AbortController();
      const packing = [0, 1].map(async () => {
        while (!done.signal.aborted) {
          await log.pack(ann);
          await new Promise((resolve) => setImmediate(resolve));
        }
      });
      const snapshots = (async () => {
        let last = 0;
        while (!done.signal.aborted) {
          const position = positions.at(-1) ?? NO_POSITION;
          if (position > last) await log.saveSnapshot(ann, position, bytes(`${positions.indexOf(position)}`));
          last = position;
          const { snapshot, records } = await log.read(ann);
          const index = snapshot === undefined ? -1 : Number(new TextDecoder().decode(snapshot.bytes));
          sameRecords(records, numbered(count).slice(index + 1, index + 1 + records.length));
          await new Promise((resolve) => setImmediate(resolve));
        }
      })();
      await writing.finally(() => done.abort());
      await Promise.all([...packing, snapshots]);
      rising(positions);
      sameRecords((await log.read(ann, NO_POSITION)).records, numbered(count));
      const { snapshot, records } = await log.read(ann);
      assert.equal(snapshot?.position ?? NO_POSITION, positions.at(-1 - records.length) ?? NO_POSITION);
    },
  },
  {
    title: "(9) a closed log packs nothing",
    async run({ log }) {
      await appendAll(log, ann, numbered(10));
      await log.close();
      await refused(log.pack(ann), "LOG_CLOSED");
    },
  },
];
