// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";

import type { EntityKey, EventLog, StoredSnapshot } from "../event-log.ts";
import { NO_POSITION } from "../event-log.ts";
import type { ContractCase } from "./harness.ts";
import { ann, appendAll, bob, bytes, listAll, readAll, refused, sameRecords } from "./harness.ts";

const three = [bytes("1"), bytes("2"), bytes("3")];

export const snapshotCases: readonly ContractCase[] = [
  {
    title:
      "(13) the snapshots of all types or of one are listed, each the newest of its entity, with its whole key",
    async run({ log }) {
      const others = [
        { type: "cart", id: "" },
        { type: "cart", id: "a.b c/ß\u0000" },
        { type: "cart", id: "x".repeat(3_000) },
        { type: "other type", id: "ann" },
      ];
      assert.deepEqual(await all(log), []);
      for (const entity of [ann, bob, ...others]) {
        const [first, , last] = await appendAll(log, entity, three);
        if (entity === bob) continue;
        await log.saveSnapshot(entity, first as number, bytes("old"));
        await log.saveSnapshot(entity, last as number, bytes(`of ${entity.type}/${entity.id}`));
      }
      await log.saveCheckpoint(
        "a reader",
        Array.from({ length: log.partitions }, () => NO_POSITION),
      );
      const expected = (entities: readonly EntityKey[]) =>
        entities.map(({ type, id }) => `${type}/${id}: of ${type}/${id}`).sort();
      assert.deepEqual(await all(log), expected([ann, ...others]));
      assert.deepEqual(await all(log, "cart"), expected([ann, ...others.slice(0, 3)]));
      assert.deepEqual(await all(log, "other type"), expected(others.slice(3)));
      assert.deepEqual(await all(log, "nobody"), []);
      for await (const { entity, position } of log.snapshots()) {
        assert.equal((await log.read(entity)).snapshot?.position, position);
      }
    },
  },
  {
    title: "(13, I11) more snapshots than a page holds are listed all the same, each once",
    limits: { pageRecords: 4, pageBytes: 100 },
    async run({ log }) {
      const ids = Array.from({ length: 11 }, (_, index) => `${index}`);
      for (const id of ids) {
        const entity = { type: id === "7" ? "seven" : "cart", id };
        const [position] = await appendAll(log, entity, [bytes(id)]);
        await log.saveSnapshot(entity, position as number, new Uint8Array(id === "3" ? 500 : 10));
      }
      const listed = async (type?: string) => {
        const found: string[] = [];
        for await (const { entity } of log.snapshots(type)) found.push(entity.id);
        return found.sort();
      };
      assert.deepEqual(await listed(), ids.toSorted());
      assert.deepEqual(await listed("cart"), ids.filter((id) => id !== "7").sort());
    },
  },
  {
    title:
      "(13) a dropped snapshot is gone, with no record and no other snapshot, and the next one is saved anew",
    async run({ log }) {
      const alike = { type: "other", id: ann.id };
      for (const entity of [ann, bob, alike]) {
        const positions = await appendAll(log, entity, three);
        await log.saveSnapshot(entity, positions[1] as number, bytes("state"));
      }
      await log.pack(ann);
      const before = await log.read(bob);
      await log.dropSnapshot(ann);
      assert.equal((await log.read(ann)).snapshot, undefined);
      sameRecords(await readAll(log, ann), three);
      assert.deepEqual(await log.read(bob), before);
      assert.notEqual((await log.read(alike)).snapshot, undefined);
      assert.deepEqual(await all(log), ["cart/bob: state", "other/ann: state"]);
      assert.deepEqual(await listAll(log, "cart"), ["ann", "bob"]);
      await log.pack(ann);
      sameRecords(await readAll(log, ann), three);
      const [first] = await readAll(log, ann);
      await log.saveSnapshot(ann, first?.position as number, bytes("older"));
      assert.equal((await log.read(ann)).snapshot?.position, first?.position);
      sameRecords(await readAll(log, ann), three.slice(1));
    },
  },
  {
    title: "(13) there is no harm in dropping what is not there",
    async run({ log }) {
      await log.dropSnapshot(ann);
      assert.deepEqual(await listAll(log, "cart"), []);
      await appendAll(log, ann, three);
      await log.dropSnapshot(ann);
      await log.dropSnapshot(ann);
      sameRecords(await readAll(log, ann), three);
      // A snapshot without a record, as in a log that has lost its records.
      await log.saveSnapshot(bob, 1, bytes("of nobody"));
      await log.dropSnapshot(bob);
      assert.deepEqual(await all(log), []);
      await log.append(bob, NO_POSITION, bytes("first"));
    },
  },
  {
    title: "(9) a closed log lists and drops no snapshot",
    async run({ log }) {
      const [position] = await appendAll(log, ann, three);
      await log.saveSnapshot(ann, position as number, bytes("state"));
      await log.close();
      await refused(all(log), "LOG_CLOSED");
      await refused(log.dropSnapshot(ann), "LOG_CLOSED");
    },
  },
];

/** All snapshots, each as `cart/ann: state`, sorted. */
async function all(log: EventLog, type?: string): Promise<string[]> {
  const found: StoredSnapshot[] = [];
  for await (const snapshot of log.snapshots(type)) found.push(snapshot);
  const decoder = new TextDecoder();
  return found.map(({ entity, bytes }) => `${entity.type}/${entity.id}: ${decoder.decode(bytes)}`).sort();
}
