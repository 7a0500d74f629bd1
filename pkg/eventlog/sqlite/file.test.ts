// SPDX-License-Identifier: Apache-2.0

import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import type { ExecutionContext } from "ava";
import test from "ava";

import type { EventLogCode } from "../event-log.ts";
import { EventLogError, NO_POSITION } from "../event-log.ts";
import { openSqliteLog } from "./log.ts";
import { APPLICATION_ID, SCHEMA_VERSION } from "./schema.ts";

const ann = { type: "cart", id: "ann" };

test("a new log is made with its folders", async (t) => {
  const path = join(makeFolder(t), "a/b/c/log.db");
  const log = await openSqliteLog(path);
  await log.append(ann, NO_POSITION, new Uint8Array([1]));
  await log.close();
  t.deepEqual(fs.readdirSync(dirname(path)).sort(), ["log.db", "log.db-lock"]);
  const header = fs.readFileSync(path).subarray(0, 100);
  t.is(header.readInt32BE(60), SCHEMA_VERSION);
  t.is(header.readInt32BE(68), APPLICATION_ID);
});

test("an empty file becomes a log, and what an earlier attempt left is replaced", async (t) => {
  const path = join(makeFolder(t), "log.db");
  fs.writeFileSync(path, "");
  fs.writeFileSync(`${path}-new`, "half a file");
  const log = await openSqliteLog(path);
  await log.append(ann, NO_POSITION, new Uint8Array([1]));
  await log.close();
  t.false(fs.existsSync(`${path}-new`));
});

test("a file that is no database is refused and left as it is", async (t) => {
  for (const content of ["shopping list", "x".repeat(10_000), "SQLite format 3"]) {
    await isRefused(t, "LOG_CORRUPT", (path) => fs.writeFileSync(path, content));
  }
});

test("the database of another program is refused and left as it is, also what waits in its write-ahead log", async (t) => {
  await isRefused(t, "LOG_CORRUPT", (path) => {
    const foreign = new DatabaseSync(`${path}-theirs`);
    foreign.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    for (const suffix of ["", "-wal"]) fs.copyFileSync(`${path}-theirs${suffix}`, path + suffix);
    foreign.close();
  });
});

test("a log of a newer version is refused and left as it is, and the text says what to do", async (t) => {
  const error = await isRefused(t, "LOG_TOO_NEW", async (path) => {
    await writeLog(path, 1);
    withDatabase(path, `PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
  });
  t.regex(error.message, /newer Perdure.*format 2.*up to 1.*run the Perdure that wrote it, or a later one/);
});

test("a newer version that stands only in the write-ahead log is found too", async (t) => {
  await isRefused(t, "LOG_TOO_NEW", async (path) => {
    await writeLog(`${path}-theirs`, 1);
    const newer = new DatabaseSync(`${path}-theirs`);
    newer.exec(`PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
    for (const suffix of ["", "-wal"]) fs.copyFileSync(`${path}-theirs${suffix}`, path + suffix);
    newer.close();
  });
});

test("a damaged log is refused and left as it is", async (t) => {
  await isRefused(t, "LOG_CORRUPT", async (path) => {
    await writeLog(path, 200);
    const file = fs.openSync(path, "r+");
    for (let page = 2; page < 20; page++)
      fs.writeSync(file, Buffer.alloc(2_000, 0xa5), 0, 2_000, page * 4096);
    fs.closeSync(file);
  });
  await isRefused(t, "LOG_CORRUPT", async (path) => {
    await writeLog(path, 200);
    fs.truncateSync(path, 5 * 4096);
  });
  await isRefused(t, "LOG_CORRUPT", async (path) => {
    await writeLog(path, 1);
    withDatabase(path, "DROP TABLE snapshot");
  });
});

test("damage in a file too large to be checked at opening is found when it is read", async (t) => {
  const path = join(makeFolder(t), "log.db");
  await writeLog(path, 200);
  const file = fs.openSync(path, "r+");
  const pages = fs.fstatSync(file).size / 4096;
  // Damages the pages after those of the schema, because the last pages hold the records.
  for (let page = 10; page < pages; page++)
    fs.writeSync(file, Buffer.alloc(4_096, 0xa5), 0, 4_096, page * 4096);
  fs.closeSync(file);
  const log = await openSqliteLog(path, { sqliteFullCheckBytes: 1 });
  const refused = await t.throwsAsync(log.read(ann), { instanceOf: EventLogError });
  t.is(refused.code, "LOG_CORRUPT");
  await log.close();
});

test("a write-ahead log without its file is refused: it may hold the latest records", async (t) => {
  const error = await isRefused(t, "LOG_CORRUPT", (path) => fs.writeFileSync(`${path}-wal`, "frames"));
  t.regex(error.message, /log\.db-wal/);
});

test("a path that cannot be written is refused with its name", async (t) => {
  const folder = makeFolder(t);
  fs.writeFileSync(join(folder, "file"), "");
  const paths = [join(folder, "file/log.db"), "/proc/perdure/log.db"];
  if (process.getuid?.() === 0) {
    // Root may write to any folder that it makes itself, but not to these folders of the system.
    paths.push("/sys/kernel/perdure/log.db");
  } else {
    const closed = join(folder, "closed");
    fs.mkdirSync(closed, { mode: 0o555 });
    const readOnly = join(folder, "read-only.db");
    await writeLog(readOnly, 1);
    fs.chmodSync(readOnly, 0o444);
    paths.push(join(closed, "log.db"), join(closed, "deeper/log.db"), readOnly);
  }
  for (const path of paths) {
    const refused = await t.throwsAsync(openSqliteLog(path), { instanceOf: EventLogError });
    t.is(refused.code, "LOG_UNAVAILABLE", refused.message);
    t.true(refused.message.includes(path), refused.message);
  }
});

test("a refused log is not kept locked", async (t) => {
  const path = join(makeFolder(t), "log.db");
  fs.writeFileSync(path, "shopping list");
  await t.throwsAsync(openSqliteLog(path), { code: "LOG_CORRUPT" });
  fs.rmSync(path);
  await (await openSqliteLog(path)).close();
});

async function isRefused(
  t: ExecutionContext,
  code: EventLogCode,
  prepare: (path: string) => Promise<void> | void,
): Promise<EventLogError> {
  const path = join(makeFolder(t), "log.db");
  await prepare(path);
  const before = contents(path);
  const refused = await t.throwsAsync(openSqliteLog(path), { instanceOf: EventLogError });
  t.is(refused.code, code, refused.message);
  t.true(refused.message.includes(path), refused.message);
  t.deepEqual(contents(path), before);
  return refused;
}

/** The file and its write-ahead log. */
function contents(path: string): readonly (string | undefined)[] {
  return [path, `${path}-wal`].map((name) =>
    fs.existsSync(name) && fs.statSync(name).size > 0 ? fs.readFileSync(name, "latin1") : undefined,
  );
}

async function writeLog(path: string, records: number): Promise<void> {
  const log = await openSqliteLog(path);
  let last = NO_POSITION;
  for (let i = 0; i < records; i++) last = await log.append(ann, last, new Uint8Array(500).fill(i));
  await log.close();
}

function withDatabase(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

function makeFolder(t: ExecutionContext): string {
  const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "perdure-log-")));
  t.teardown(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}
