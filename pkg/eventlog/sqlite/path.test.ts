// SPDX-License-Identifier: Apache-2.0

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

import type { ExecutionContext } from "ava";
import test from "ava";

import { temporaryFolder } from "../../../test/lib/processes.ts";
import { EventLogError, NO_POSITION } from "../event-log.ts";
import { openSqliteLog } from "./log.ts";
import { defaultSqliteOptions } from "./options.ts";
import { removeSqliteLog } from "./remove.ts";
import { Writer } from "./writer.ts";

const ann = { type: "cart", id: "ann" };
const one = new Uint8Array([1]);

/** Makes something that is not a regular file. The key is its name in the refusal. */
const KINDS: Readonly<Record<string, (t: ExecutionContext, path: string) => Promise<void> | void>> = {
  "a FIFO": (t, path) => void t.is(spawnSync("mkfifo", [path]).status, 0),
  "a folder": (_t, path) => fs.mkdirSync(path),
  "a socket": async (t, path) => {
    const server = createServer().listen(path);
    await once(server, "listening");
    t.teardown(() => server.close());
  },
};

for (const [kind, make] of Object.entries(KINDS)) {
  test(`${kind} is refused and stays what it is, by its name and by a link to it, and nothing is made beside it`, async (t) => {
    const folder = folderOf(t);
    const path = join(folder, "log.db");
    await make(t, path);
    fs.symlinkSync("log.db", join(folder, "link.db"));
    fs.symlinkSync("link.db", join(folder, "link-to-link.db"));
    const before = listing(folder);
    for (const name of ["log.db", "link.db", "link-to-link.db"]) {
      const refused = await t.throwsAsync(openSqliteLog(join(folder, name)), { instanceOf: EventLogError });
      t.is(refused.code, "LOG_UNUSABLE");
      t.is(
        refused.message,
        `${join(folder, name)}: this is ${kind}, and a log is made of regular files; nothing was changed; choose another path`,
      );
      t.is(
        t.throws(() => removeSqliteLog(join(folder, name)), { instanceOf: EventLogError }).code,
        "LOG_UNUSABLE",
      );
    }
    t.deepEqual(listing(folder), before);
  });

  test(`${kind} in the place of a file beside the log is refused and stays what it is`, async (t) => {
    for (const suffix of ["-wal", "-shm", "-journal", "-lock", "-new"]) {
      for (const isThere of [false, true]) {
        const folder = folderOf(t);
        const path = join(folder, "log.db");
        if (isThere) {
          await (await openSqliteLog(path)).close();
          fs.rmSync(`${path}-lock`);
        }
        await make(t, path + suffix);
        const before = listing(folder);
        const refused = await t.throwsAsync(openSqliteLog(path), { instanceOf: EventLogError });
        t.is(refused.code, "LOG_UNUSABLE");
        t.true(refused.message.startsWith(`${path}${suffix}: this is ${kind},`), refused.message);
        t.deepEqual(listing(folder), before);
      }
    }
  });
}

test("a link in the place of a file beside the log is refused: SQLite would write where it leads, and remove it", async (t) => {
  const folder = folderOf(t);
  const path = join(folder, "log.db");
  fs.symlinkSync(join(folder, "elsewhere"), `${path}-wal`);
  const refused = await t.throwsAsync(openSqliteLog(path), { instanceOf: EventLogError });
  t.is(refused.code, "LOG_UNUSABLE");
  t.regex(refused.message, /log\.db-wal: this is a symbolic link/);
  t.deepEqual(fs.readdirSync(folder), ["log.db-wal"]);
});

test("what was put in the place of the write-ahead log is refused by who opens the file again, and holds nobody up", async (t) => {
  const path = join(folderOf(t), "log.db");
  await (await openSqliteLog(path)).close();
  t.is(spawnSync("mkfifo", [`${path}-wal`]).status, 0);
  const refused = t.throws(() => new Writer(path, defaultSqliteOptions), { instanceOf: EventLogError });
  t.is(refused.code, "LOG_UNUSABLE");
  t.regex(refused.message, /log\.db-wal: this is a FIFO/);
  t.true(fs.lstatSync(`${path}-wal`).isFIFO());
});

test("a link to a file that does not exist yet is followed: a fresh volume gets the state", async (t) => {
  const folder = folderOf(t);
  fs.mkdirSync(join(folder, "volume"));
  fs.symlinkSync("../volume/state.db", mkdir(join(folder, "app")) + "/second.db");
  fs.symlinkSync(join(folder, "app/second.db"), join(folder, "first.db"));
  const log = await openSqliteLog(join(folder, "first.db"));
  await log.append(ann, NO_POSITION, one);
  await log.close();
  t.true(fs.lstatSync(join(folder, "first.db")).isSymbolicLink());
  t.true(fs.lstatSync(join(folder, "app/second.db")).isSymbolicLink());
  t.deepEqual(fs.readdirSync(join(folder, "volume")).sort(), ["state.db", "state.db-lock"]);
  t.deepEqual(fs.readdirSync(join(folder, "app")), ["second.db"]);
  const again = await openSqliteLog(join(folder, "volume/state.db"));
  t.teardown(() => again.close());
  t.is((await again.read(ann)).records.length, 1);
  const locked = await t.throwsAsync(openSqliteLog(join(folder, "first.db")), { instanceOf: EventLogError });
  t.is(locked.code, "LOG_LOCKED");
});

test("a link to a folder that does not exist yet is followed too", async (t) => {
  const folder = folderOf(t);
  fs.symlinkSync("volume/a", join(folder, "state"));
  await (await openSqliteLog(join(folder, "state/b/log.db"))).close();
  t.true(fs.lstatSync(join(folder, "state")).isSymbolicLink());
  t.deepEqual(fs.readdirSync(join(folder, "volume/a/b")).sort(), ["log.db", "log.db-lock"]);
});

test("links that lead in a circle are refused", async (t) => {
  const folder = folderOf(t);
  fs.symlinkSync("b.db", join(folder, "a.db"));
  fs.symlinkSync("a.db", join(folder, "b.db"));
  const refused = await t.throwsAsync(openSqliteLog(join(folder, "a.db")), { instanceOf: EventLogError });
  t.is(refused.code, "LOG_UNUSABLE");
  t.regex(refused.message, /circle/);
  t.deepEqual(fs.readdirSync(folder).sort(), ["a.db", "b.db"]);
});

test("deleting a log by a link deletes the file behind it and leaves the link; a log that is open stays", async (t) => {
  const folder = folderOf(t);
  fs.symlinkSync(mkdir(join(folder, "volume")) + "/log.db", join(folder, "link.db"));
  const log = await openSqliteLog(join(folder, "link.db"));
  await log.append(ann, NO_POSITION, one);
  const locked = t.throws(() => removeSqliteLog(join(folder, "link.db")), { instanceOf: EventLogError });
  t.is(locked.code, "LOG_LOCKED");
  await log.close();
  fs.writeFileSync(join(folder, "volume/log.db"), "whatever state it is in");
  removeSqliteLog(join(folder, "link.db"));
  t.deepEqual(fs.readdirSync(join(folder, "volume")), ["log.db-lock"]);
  t.true(fs.lstatSync(join(folder, "link.db")).isSymbolicLink());
});

function folderOf(t: ExecutionContext): string {
  return fs.realpathSync(temporaryFolder(t));
}

function mkdir(path: string): string {
  fs.mkdirSync(path);
  return path;
}

/** The names in the folder, each with the number (inode) of its file. */
function listing(folder: string): readonly string[] {
  return fs
    .readdirSync(folder)
    .sort()
    .map((name) => `${name} ${fs.lstatSync(join(folder, name)).ino}`);
}
