// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";

import { NO_POSITION } from "../event-log.ts";
import type { ContractCase } from "./harness.ts";
import { ann, appendAll, bob, bytes, listAll, readAll, sameRecords } from "./harness.ts";

const numbered = (count: number) => Array.from({ length: count }, (_, index) => bytes(`${index}`));

export const readCases: readonly ContractCase[] = [
  {
    title: "an entity that nobody wrote has neither snapshot nor records",
    async run({ log }) {
      assert.deepEqual(await log.read(ann), { records: [], end: true });
      assert.deepEqual(await log.read(ann, 5), { records: [], end: true });
    },
  },
  {
    title: "read gives the snapshot and the records behind it; with a position only records behind that",
    async run({ log }) {
      const records = numbered(6);
      const positions = await appendAll(log, ann, records);
      await appendAll(log, bob, records);
      await log.saveSnapshot(ann, positions[3] as number, bytes("state"));
      const page = await log.read(ann);
      assert.equal(page.snapshot?.position, positions[3]);
      sameRecords([page.snapshot ?? { bytes: bytes("none") }], [bytes("state")]);
      assert.deepEqual(
        page.records.map((record) => record.position),
        positions.slice(4),
      );
      sameRecords(page.records, records.slice(4));
      const later = await log.read(ann, positions[1]);
      assert.equal(later.snapshot, undefined);
      sameRecords(later.records, records.slice(2));
      sameRecords((await log.read(ann, NO_POSITION)).records, records);
      sameRecords((await log.read(ann, positions[5])).records, []);
    },
  },
  {
    title: "a newer snapshot replaces an older one and its equal; an older one is ignored",
    async run({ log }) {
      const [first, second, third] = (await appendAll(log, ann, numbered(3))) as [number, number, number];
      const state = async () => {
        const { snapshot } = await log.read(ann);
        return [snapshot?.position, new TextDecoder().decode(snapshot?.bytes)];
      };
      await log.saveSnapshot(ann, second, bytes("two"));
      await log.saveSnapshot(ann, first, bytes("one"));
      assert.deepEqual(await state(), [second, "two"]);
      await log.saveSnapshot(ann, second, bytes("two again"));
      assert.deepEqual(await state(), [second, "two again"]);
      await log.saveSnapshot(ann, third, bytes("three"));
      assert.deepEqual(await state(), [third, "three"]);
      assert.deepEqual((await log.read(ann)).records, []);
      assert.equal((await log.read(bob)).snapshot, undefined);
    },
  },
  {
    title: "a snapshot removes no record, moves no position and makes nobody listed",
    async run({ log }) {
      const records = numbered(3);
      const positions = await appendAll(log, ann, records);
      await log.saveSnapshot(ann, positions[2] as number, bytes("state"));
      await log.saveSnapshot(bob, positions[2] as number, bytes("of nobody"));
      sameRecords((await log.read(ann, NO_POSITION)).records, records);
      await log.append(ann, positions[2] as number, bytes("next"));
      sameRecords((await log.read(ann)).records, [bytes("next")]);
      assert.deepEqual(await listAll(log, "cart"), ["ann"]);
      await log.append(bob, NO_POSITION, bytes("first"));
    },
  },
  {
    title: "(8, I11) a page has at most pageRecords records and the pages make up the whole",
    limits: { pageRecords: 4 },
    async run({ log }) {
      for (const count of [3, 4, 5, 8, 9]) {
        const entity = { type: "paged", id: `${count}` };
        const positions = await appendAll(log, entity, numbered(count));
        const page = await log.read(entity);
        assert.equal(page.records.length, Math.min(count, 4));
        if (count > 4) assert.equal(page.end, false);
        sameRecords(await readAll(log, entity), numbered(count));
        await log.saveSnapshot(entity, positions[0] as number, bytes("s"));
        const behind = await log.read(entity);
        assert.ok(behind.snapshot !== undefined && behind.records.length === Math.min(count - 1, 4));
        sameRecords(await readAll(log, entity), numbered(count).slice(1));
      }
    },
  },
  {
    title: "(8, I11) a page ends with the record that fills pageBytes, and has at least one",
    limits: { pageBytes: 100 },
    async run({ log }) {
      const sizes = [40, 40, 40, 40, 500, 1];
      const records = sizes.map((size) => new Uint8Array(size).fill(size));
      const positions = await appendAll(log, ann, records);
      assert.equal((await log.read(ann)).records.length, 3);
      assert.equal((await log.read(ann, positions[2])).records.length, 2);
      assert.equal((await log.read(ann, positions[3])).records.length, 1);
      sameRecords(await readAll(log, ann), records);
    },
  },
];
