// SPDX-License-Identifier: Apache-2.0

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";

import test from "ava";

import { temporaryFolder } from "../../../test/lib/processes.ts";
import { EventLogError, NO_POSITION } from "../event-log.ts";
import { openSqliteLog } from "./log.ts";

const ann = { type: "cart", id: "ann" };
const one = new Uint8Array([1]);

test("I3: a hard link does not pass the lock: a file with two names is refused, whichever is used", async (t) => {
  const folder = temporaryFolder(t);
  const [path, link] = [join(folder, "log.db"), join(folder, "link.db")];
  const log = await openSqliteLog(path);
  t.teardown(() => log.close());
  const first = await log.append(ann, NO_POSITION, one);
  fs.linkSync(path, link);
  const refused = await t.throwsAsync(openSqliteLog(link), { instanceOf: EventLogError });
  t.is(refused.code, "LOG_UNUSABLE");
  t.regex(refused.message, /link\.db: the file has 2 names \(hard links\); keep one of them, or make a copy/);
  // The open log continues, because it was opened before there was a second name, and nothing else can open the file.
  await log.append(ann, first, one);
  await log.close();
  t.is((await t.throwsAsync(openSqliteLog(path), { instanceOf: EventLogError })).code, "LOG_UNUSABLE");
  fs.rmSync(link);
  await (await openSqliteLog(path)).close();
});

test("I3: a file that is mounted by itself is refused, since its write-ahead log would stay behind", (t) => {
  const folder = temporaryFolder(t);
  const script = join(import.meta.dirname, "testdata/appender.ts");
  const path = join(folder, "mounted here.db");
  const mount = `touch '${folder}/outside.db' '${path}' && mount --bind '${folder}/outside.db' '${path}'`;
  if (spawnSync("unshare", ["-rm", "sh", "-c", mount]).status !== 0) {
    t.log("not tested: this system does not allow mounting a file");
    t.pass();
    return;
  }
  const command = `${mount} && exec "$0" "$@"`;
  const args = ["-rm", "sh", "-c", command, process.execPath, script, path, "0"];
  const { status, stderr } = spawnSync("unshare", args, { encoding: "utf8", timeout: 60_000 });
  t.is(status, 1, stderr);
  t.regex(stderr, /the file is mounted by itself; mount its folder/);
});

test("I3: without its lock file two processes may have it open, and the fence still holds between them", async (t) => {
  const path = join(temporaryFolder(t), "log.db");
  const first = await openSqliteLog(path);
  t.teardown(() => first.close());
  const position = await first.append(ann, NO_POSITION, one);
  fs.rmSync(`${path}-lock`);
  const second = await openSqliteLog(path);
  t.teardown(() => second.close());
  const next = await second.append(ann, position, one);
  const late = await t.throwsAsync(first.append(ann, position, one), { instanceOf: EventLogError });
  t.is(late.code, "APPEND_CONFLICT");
  t.true((await first.append(ann, next, one)) > next);
  const bob = { type: "cart", id: "bob" };
  t.true((await second.append(bob, NO_POSITION, one)) > next);
  t.is((await first.read(ann)).records.length, 3);
});
