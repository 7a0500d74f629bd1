// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";

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
  refused,
  take,
} from "./harness.ts";

export const checkpointCases: readonly ContractCase[] = [
  {
    title: "(11) a checkpoint comes back as it was saved last, and one that was never saved is none",
    async run({ log }) {
      assert.equal(await log.readCheckpoint("a"), undefined);
      await log.saveCheckpoint("a", [1, 2, 3]);
      assert.deepEqual(await log.readCheckpoint("a"), [1, 2, 3]);
      await log.saveCheckpoint("a", [Number.MAX_SAFE_INTEGER, NO_POSITION]);
      await log.saveCheckpoint("b", []);
      assert.deepEqual(await log.readCheckpoint("a"), [Number.MAX_SAFE_INTEGER, NO_POSITION]);
      assert.deepEqual(await log.readCheckpoint("b"), []);
      await log.saveCheckpoint("a", [1]);
      assert.deepEqual(await log.readCheckpoint("a"), [1], "it may go back");
    },
  },
  {
    title: "(5, 7, 11) what was given and what came back belong to the caller; names are told apart exactly",
    async run({ log }) {
      const names = ["", "a", "A", "a/b", "a.b", "ä", "\u0000", "\ud800", "x".repeat(500), "x".repeat(501)];
      for (const [index, name] of names.entries()) await log.saveCheckpoint(name, [index]);
      for (const [index, name] of names.entries()) assert.deepEqual(await log.readCheckpoint(name), [index]);
      const given = [1, 2];
      const saving = log.saveCheckpoint("a", given);
      await saving;
      given.push(3);
      const read = [...((await log.readCheckpoint("a")) ?? [])];
      assert.deepEqual(read, [1, 2]);
    },
  },
  {
    title: "(11) a checkpoint is no entity, and an entity of its name is no checkpoint",
    async run({ log }) {
      await log.saveCheckpoint("ann", [7]);
      await log.saveSnapshot({ type: "", id: "ann" }, 1, bytes("snapshot"));
      await log.append({ type: "", id: "ann" }, NO_POSITION, bytes("record"));
      assert.deepEqual(await log.readCheckpoint("ann"), [7]);
      assert.deepEqual(await listAll(log, ""), ["ann"]);
      assert.deepEqual(await listAll(log, "ann"), []);
    },
  },
  {
    title: "(11) of many at once some one is the last",
    async run({ log }) {
      const saved = Array.from({ length: 20 }, (_, index) => index);
      await Promise.all(saved.map((index) => log.saveCheckpoint("a", [index])));
      const [last = -1] = (await log.readCheckpoint("a")) ?? [];
      assert.ok(saved.includes(last));
    },
  },
  {
    title: "(2, 11) a checkpoint that was acknowledged is there after a crash at that moment",
    async run({ log, afterCrash }) {
      if (afterCrash === undefined) return endsWithItsProcess(log);
      await log.saveCheckpoint("a", [4, 2]);
      const again = await afterCrash();
      try {
        assert.deepEqual(await again.readCheckpoint("a"), [4, 2]);
      } finally {
        await again.close();
      }
    },
  },
  {
    title: "(4) the last position of a type is that of its newest record; a tail comes to it, or behind it",
    async run({ log }) {
      for (const partition of partitionsOf(log)) {
        assert.equal(await log.lastPosition("cart", partition), NO_POSITION);
      }
      const partition = log.partitionOf(ann);
      const last = (await appendAll(log, ann, [bytes("0"), bytes("1"), bytes("2")])).at(-1);
      await appendAll(log, { type: "other", id: ann.id }, [bytes("0"), bytes("1")]);
      assert.equal(await log.lastPosition("cart", partition), last);
      assert.equal((await take(log, "cart", partition, NO_POSITION, 3)).at(-1)?.position, last);

      const first = await log.replace(bob, NO_POSITION, bytes("0"));
      const end = await log.lastPosition("cart", log.partitionOf(bob));
      assert.equal(end, first);
      await log.replace(bob, first, bytes("1"));
      const behind = await take(log, "cart", log.partitionOf(bob), end - 1, 1);
      assert.ok((behind[0]?.position ?? NO_POSITION) > end);
    },
  },
  {
    title: "(9) after close none of them is served",
    async run({ log }) {
      await log.saveCheckpoint("a", [1]);
      await log.close();
      await refused(log.readCheckpoint("a"), "LOG_CLOSED");
      await refused(log.saveCheckpoint("a", [2]), "LOG_CLOSED");
      await refused(log.lastPosition("cart", 0), "LOG_CLOSED");
    },
  },
];
