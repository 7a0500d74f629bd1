// SPDX-License-Identifier: Apache-2.0

import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import type { ExecutionContext } from "ava";
import test from "ava";

import { EventLogError, NO_POSITION } from "../event-log.ts";
import type { Operation } from "./batch.ts";
import { APPEND, CONFLICT, packBatch, SNAPSHOT } from "./batch.ts";
import { prepareFile } from "./file.ts";
import type { WriterSettings } from "./options.ts";
import { defaultSqliteOptions } from "./options.ts";
import { checkDurability, Writer } from "./writer.ts";

test("it serves only with the write-ahead log and synchronous = FULL in force", (t) => {
  const { writer } = openWriter(t);
  t.deepEqual(writer.durability, { journalMode: "wal", synchronous: 2 });
  for (const report of [
    { journalMode: "delete", synchronous: 2 },
    { journalMode: "wal", synchronous: 1 },
    { journalMode: "memory", synchronous: 0 },
  ]) {
    const refused = t.throws(() => checkDurability("log.db", report), { instanceOf: EventLogError });
    t.is(refused.code, "LOG_UNAVAILABLE");
  }
});

test("I3: in a batch each append is checked on its own, also against those before it", (t) => {
  const { writer } = openWriter(t);
  const outcome = writer.commit(
    packBatch([append("a", NO_POSITION), append("a", NO_POSITION), append("b", NO_POSITION), append("a", 1)]),
  );
  t.deepEqual(outcome, [1, CONFLICT, 2, 3]);
  t.deepEqual(writer.commit(packBatch([append("b", 3), append("b", 2)])), [CONFLICT, 4]);
});

test("it knows the last positions also of entities that are not in its memory", (t) => {
  const { writer, path } = openWriter(t, { cachedEntities: 2 });
  const ids = ["a", "b", "c", "d"];
  const first = writer.commit(packBatch(ids.map((id) => append(id, NO_POSITION))));
  t.deepEqual(first, [1, 2, 3, 4]);
  t.deepEqual(
    writer.commit(packBatch(ids.map((id) => append(id, NO_POSITION)))),
    ids.map(() => CONFLICT),
  );
  t.deepEqual(writer.commit(packBatch(ids.map((id, index) => append(id, first[index] ?? 0)))), [5, 6, 7, 8]);
  writer.close();
  const again = new Writer(path, defaultSqliteOptions);
  t.deepEqual(again.commit(packBatch([append("a", 1), append("a", 5), append("e", NO_POSITION)])), [
    CONFLICT,
    9,
    10,
  ]);
  again.close();
});

test("a batch that fails leaves nothing behind, neither in the file nor in memory", (t) => {
  const { writer } = openWriter(t, { maxSqliteLogBytes: 100_000 });
  const large: Operation = { ...append("c", NO_POSITION), bytes: new Uint8Array(500_000) };
  const full = t.throws(
    () => writer.commit(packBatch([append("a", NO_POSITION), append("b", NO_POSITION), large])),
    {
      instanceOf: EventLogError,
    },
  );
  t.is(full.code, "LOG_FULL");
  t.deepEqual(
    writer.commit(packBatch([append("b", 2), append("b", NO_POSITION), append("a", NO_POSITION)])),
    [CONFLICT, 1, 2],
  );
});

test("a lock of another program on the file refuses a batch, and the next one is taken when it is gone", (t) => {
  const { writer, path } = openWriter(t, { sqliteBusyTimeoutMs: 1 });
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  const refused = t.throws(() => writer.commit(packBatch([append("a", NO_POSITION)])), {
    instanceOf: EventLogError,
  });
  t.is(refused.code, "LOG_UNAVAILABLE");
  t.regex(refused.message, /another program/);
  other.close();
  t.deepEqual(writer.commit(packBatch([append("a", NO_POSITION)])), [1]);
});

test("a checkpoint empties the write-ahead log, which keeps the size that it was given", (t) => {
  const { writer, path } = openWriter(t, { maxWalPages: 300 });
  writer.preallocate();
  const size = fs.statSync(`${path}-wal`).size;
  t.true(size >= 300 * 4096);
  writer.commit(packBatch([append("a", NO_POSITION), snapshot("a", 1)]));
  t.true(writer.walPages() > 0);
  writer.checkpoint();
  t.is(writer.walPages(), 0);
  t.is(fs.statSync(`${path}-wal`).size, size);
});

test("what a killed process left in the write-ahead log is in the file, and safe, before anyone reads", (t) => {
  const { writer, path } = openWriter(t);
  writer.preallocate();
  writer.commit(packBatch([append("a", NO_POSITION)]));
  const copy = `${path}-copy`;
  for (const suffix of ["", "-wal"]) fs.copyFileSync(path + suffix, copy + suffix);
  const reopened = new Writer(copy, defaultSqliteOptions);
  t.is(fs.statSync(`${copy}-wal`).size, 0);
  t.deepEqual(reopened.commit(packBatch([append("a", NO_POSITION), append("a", 1)])), [CONFLICT, 2]);
  reopened.close();
});

test("(I5) a file that is opened again must be the one that was open, with all that was acknowledged", (t) => {
  const { writer, path } = openWriter(t);
  const { file: identity } = writer;
  writer.commit(packBatch([append("a", NO_POSITION)]));
  writer.close();
  new Writer(path, defaultSqliteOptions, { identity, position: 1 }).close();
  const shorter = { identity, position: 2 };
  const refused = t.throws(() => new Writer(path, defaultSqliteOptions, shorter), {
    instanceOf: EventLogError,
  });
  t.is(refused.code, "LOG_UNUSABLE");
  t.regex(refused.message, /ends at position 1, and 2 was acknowledged/);
  const other = { identity: { ...identity, inode: identity.inode + 1n }, position: 1 };
  const replaced = t.throws(() => new Writer(path, defaultSqliteOptions, other), {
    instanceOf: EventLogError,
  });
  t.is(replaced.code, "LOG_UNUSABLE");
  t.regex(replaced.message, /another file is in its place/);
});

test("(12) a thorough check finds a full file, leaves nothing behind, and passes when there is room", (t) => {
  const { writer, path } = openWriter(t, { maxSqliteLogBytes: 100_000 });
  writer.commit(packBatch([append("a", NO_POSITION)]));
  const large: Operation = { ...append("b", NO_POSITION), bytes: new Uint8Array(50_000) };
  writer.check(true);
  writer.commit(packBatch([large]));
  const refused = t.throws(() => writer.check(true), { instanceOf: EventLogError });
  t.is(refused.code, "LOG_FULL");
  // A check that is not thorough needs no room.
  writer.check(false);
  writer.close();
  const again = new Writer(path, defaultSqliteOptions);
  again.check(true);
  t.deepEqual(again.commit(packBatch([append("a", 1)])), [3]);
  again.close();
  const reader = new DatabaseSync(path, { readOnly: true });
  t.deepEqual(reader.prepare("SELECT count(*) AS rows FROM checkpoint").get()?.["rows"], 0);
  reader.close();
});

function append(id: string, expected: number): Operation {
  return { kind: APPEND, entity: { type: "cart", id }, position: expected, bytes: new Uint8Array([1, 2, 3]) };
}

function snapshot(id: string, position: number): Operation {
  return { ...append(id, position), kind: SNAPSHOT };
}

function openWriter(
  t: ExecutionContext,
  settings: Partial<WriterSettings> = {},
): { readonly writer: Writer; readonly path: string } {
  const folder = fs.mkdtempSync(join(tmpdir(), "perdure-log-"));
  const path = join(folder, "log.db");
  prepareFile(path);
  const writer = new Writer(path, { ...defaultSqliteOptions, ...settings });
  t.teardown(() => {
    writer.close();
    fs.rmSync(folder, { recursive: true });
  });
  return { writer, path };
}
