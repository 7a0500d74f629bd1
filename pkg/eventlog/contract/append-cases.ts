// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";

import type { EntityKey } from "../event-log.ts";
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
  rising,
  sameRecords,
} from "./harness.ts";

export const appendCases: readonly ContractCase[] = [
  {
    title: "(1, I3) an append behind any position but the last is refused and stores nothing",
    async run({ log }) {
      const [first, second] = (await appendAll(log, ann, [bytes("a"), bytes("b")])) as [number, number];
      for (const wrong of [NO_POSITION, first, second + 1, second + 1_000]) {
        await refused(log.append(ann, wrong, bytes("x")), "APPEND_CONFLICT");
      }
      await refused(log.append(bob, first, bytes("x")), "APPEND_CONFLICT");
      sameRecords(await readAll(log, ann), [bytes("a"), bytes("b")]);
      assert.deepEqual(await log.read(bob), { records: [], end: true });
      assert.deepEqual(await listAll(log, "cart"), ["ann"]);
      await log.append(ann, second, bytes("c"));
    },
  },
  {
    title: "(1, I3) of many appends behind one position exactly one wins, at every position",
    async run({ log }) {
      let expected = NO_POSITION;
      const won: Uint8Array[] = [];
      for (let round = 0; round < 10; round++) {
        const tries = Array.from({ length: 20 }, (_, racer) => bytes(`round ${round} racer ${racer}`));
        const outcomes = await Promise.allSettled(tries.map((record) => log.append(ann, expected, record)));
        const winners = outcomes.flatMap((outcome, racer) =>
          outcome.status === "fulfilled" ? [{ racer, position: outcome.value }] : [],
        );
        for (const outcome of outcomes) {
          if (outcome.status === "rejected") await refused(Promise.reject(outcome.reason), "APPEND_CONFLICT");
        }
        assert.equal(winners.length, 1, "one winner");
        expected = winners[0]?.position ?? NO_POSITION;
        won.push(tries[winners[0]?.racer ?? 0] as Uint8Array);
      }
      sameRecords(await readAll(log, ann), won);
    },
  },
  {
    title: "(1, 6) appends of different entities are independent: a refused one harms no other",
    async run({ log }) {
      await appendAll(log, ann, [bytes("a")]);
      const entities = Array.from({ length: 50 }, (_, index) => ({ type: "cart", id: `e${index}` }));
      const good = entities.map((entity) => log.append(entity, NO_POSITION, bytes(entity.id)));
      const bad = entities.map(() => refused(log.append(ann, NO_POSITION, bytes("x")), "APPEND_CONFLICT"));
      const positions = await Promise.all(good);
      await Promise.all(bad);
      const places = positions.map((position, index) => {
        const entity = entities[index] ?? ann;
        return `${log.partitionOf(entity)} ${position}`;
      });
      assert.equal(new Set(places).size, places.length);
      for (const entity of entities) sameRecords(await readAll(log, entity), [bytes(entity.id)]);
      sameRecords(await readAll(log, ann), [bytes("a")]);
    },
  },
  {
    title: "(3) positions rise over each partition and over each entity",
    async run({ log }) {
      const positions = partitionsOf(log).map((): number[] => []);
      const last = new Map<EntityKey, number>();
      const entities = [ann, bob, ...["c", "d", "e"].map((id) => ({ type: "other", id }))];
      for (let i = 0; i < 40; i++) {
        const entity = entities[i % entities.length] ?? ann;
        const position = await log.append(entity, last.get(entity) ?? NO_POSITION, bytes(`${i}`));
        last.set(entity, position);
        positions[log.partitionOf(entity)]?.push(position);
      }
      for (const each of positions) rising(each);
      for (const entity of last.keys()) {
        const records = await readAll(log, entity);
        rising(records.map((record) => record.position));
        assert.equal(records.at(-1)?.position, last.get(entity));
      }
    },
  },
  {
    title: "(4) an acknowledged record is seen by what starts afterwards",
    async run({ log }) {
      let last = NO_POSITION;
      for (let i = 0; i < 20; i++) {
        last = await log.append(ann, last, bytes(`${i}`));
        assert.equal((await readAll(log, ann)).at(-1)?.position, last);
      }
    },
  },
  {
    title: "(5) bytes come back as they went in, and belong to whoever got them",
    async run({ log }) {
      const every = Uint8Array.from({ length: 256 }, (_, value) => value);
      const large = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 31) % 251);
      // A view into a larger buffer, as the parts of a received message are.
      const view = every.subarray(10, 20);
      const expected = [new Uint8Array(), every.slice(), large.slice(), view.slice()];
      await appendAll(log, ann, [new Uint8Array(), every, large, view]);
      await log.saveSnapshot(bob, await log.append(bob, NO_POSITION, view), every);
      every.fill(0);
      large.fill(0);
      const read = await readAll(log, ann);
      sameRecords(read, expected);
      for (const record of read) record.bytes.fill(7);
      sameRecords(await readAll(log, ann), expected);
      sameRecords([(await log.read(bob)).snapshot ?? { bytes: bytes("none") }], [expected[1] as Uint8Array]);
    },
  },
  {
    title: "(7) keys are told apart exactly, whatever they contain",
    async run({ log }) {
      const odd = ["", " ", ":", "|", "a:b", "a|b", "A", "a", "%", "_", "'", '"', "\\", "/", "..", "0", "00"];
      const unicode = [
        "é",
        "e\u0301",
        "日本",
        "🛒",
        "\ud83d",
        "\udead",
        "\ufffd",
        "a\0b",
        "a\0c",
        "\u{10ffff}",
      ];
      const long = ["x".repeat(8_000), `${"x".repeat(7_999)}y`];
      const names = [...odd, ...unicode, ...long];
      const keys = [
        ...names.map((id) => ({ type: "t", id })),
        ...names.map((type) => ({ type, id: "t" })),
        // These keys would be equal if type and id were simply joined.
        ...[":", "|", "\0", "/", "1:"].flatMap((mark) => [
          { type: `p${mark}`, id: "q" },
          { type: "p", id: `${mark}q` },
          { type: `p${mark}q`, id: "" },
        ]),
      ];
      await Promise.all(keys.map((key, index) => log.append(key, NO_POSITION, bytes(`${index}`))));
      for (const [index, key] of keys.entries()) sameRecords(await readAll(log, key), [bytes(`${index}`)]);
      assert.deepEqual(await listAll(log, "t"), [...names].sort());
      for (const type of unicode) assert.deepEqual(await listAll(log, type), ["t"]);
    },
  },
  {
    title: "(8, I11) a record, a snapshot or a key beyond its bound is refused, one at the bound is taken",
    limits: { maxRecordBytes: 1_000, maxKeyLength: 100 },
    async run({ log }) {
      const most = new Uint8Array(1_000);
      const position = await log.append(ann, NO_POSITION, most);
      await log.saveSnapshot(ann, position, most);
      await refused(log.append(ann, position, new Uint8Array(1_001)), "RECORD_TOO_LARGE");
      await refused(log.saveSnapshot(ann, position, new Uint8Array(1_001)), "RECORD_TOO_LARGE");
      await log.append({ type: "t", id: "i".repeat(99) }, NO_POSITION, most);
      await refused(log.append({ type: "t", id: "i".repeat(100) }, NO_POSITION, most), "RECORD_TOO_LARGE");
      await log.append(ann, position, most);
    },
  },
  {
    title: "(2) what was acknowledged is there after a crash at that moment",
    async run({ log, afterCrash }) {
      if (afterCrash === undefined) return endsWithItsProcess(log);
      const [first, second] = await appendAll(log, ann, [bytes("a"), bytes("b")]);
      await log.saveSnapshot(ann, first ?? NO_POSITION, bytes("snapshot"));
      await log.append(bob, NO_POSITION, bytes("c"));
      const again = await afterCrash();
      try {
        const page = await again.read(ann);
        sameRecords(
          [page.snapshot ?? { bytes: bytes("none") }, ...page.records],
          [bytes("snapshot"), bytes("b")],
        );
        sameRecords(await readAll(again, bob), [bytes("c")]);
        const next = await again.append(ann, second ?? NO_POSITION, bytes("d"));
        assert.ok(next > (second ?? NO_POSITION), "(3) positions go on");
      } finally {
        await again.close();
      }
    },
  },
];
