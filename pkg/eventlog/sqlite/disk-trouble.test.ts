// SPDX-License-Identifier: Apache-2.0

import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ExecutionContext } from "ava";
import test from "ava";

import { EventLogError, NO_POSITION } from "../event-log.ts";
import { openSqliteLog } from "./log.ts";

const script = join(import.meta.dirname, "testdata/disk-trouble.ts");
const ann = { type: "cart", id: "ann" };

test("I11: at maxSqliteLogBytes an append is refused with LOG_FULL, and a larger bound takes it", async (t) => {
  const path = join(makeFolder(t), "log.db");
  const log = await openSqliteLog(path, { maxSqliteLogBytes: 200_000 });
  const records = [new Uint8Array(50_000).fill(1), new Uint8Array(50_000).fill(2)];
  const first = await log.append(ann, NO_POSITION, records[0] as Uint8Array);
  const last = await log.append(ann, first, records[1] as Uint8Array);
  const huge = new Uint8Array(500_000).fill(3);
  const refused = await t.throwsAsync(log.append(ann, last, huge), { instanceOf: EventLogError });
  t.is(refused.code, "LOG_FULL");
  t.true(refused.message.includes(path), refused.message);
  t.is((await log.read(ann)).records.length, 2);
  // Records that fit are still stored, also those of entities in the failed batch.
  const small = await log.append(ann, last, new Uint8Array(10));
  await log.close();

  const larger = await openSqliteLog(path, { maxSqliteLogBytes: 2_000_000 });
  await larger.append(ann, small, huge);
  t.is((await larger.read(ann)).records.length, 4);
  await larger.close();
});

test("I5: a disk that fails in the middle of a commit costs no acknowledged record, and the log recovers by itself", (t) => {
  const path = join(makeFolder(t), "log.db");
  // No file may grow beyond 1,024 blocks. The write-ahead log reaches this limit.
  const report = runScript(t, "sh", ["-c", 'ulimit -f 1024; exec "$0" "$@"', process.execPath, script, path]);
  t.is(report.codes[0], "OUTCOME_UNKNOWN");
  checkReport(t, report);
});

test("a full disk refuses appends with LOG_FULL, and the log goes on when there is space", (t) => {
  const folder = makeFolder(t);
  const mount = `mount -t tmpfs -o size=3m none '${folder}' && head -c 2000000 /dev/zero > '${folder}/ballast'`;
  const allowed = spawnSync("unshare", ["-rm", "sh", "-c", mount]);
  if (allowed.status !== 0) {
    t.log("not tested: this system lets nobody mount a small disk");
    t.pass();
    return;
  }
  const command = `${mount} && exec "$0" "$@"`;
  const report = runScript(t, "unshare", [
    "-rm",
    "sh",
    "-c",
    command,
    process.execPath,
    script,
    `${folder}/log.db`,
  ]);
  t.true(
    report.codes.every((code) => code === "LOG_FULL"),
    report.codes.join(),
  );
  checkReport(t, report);
});

interface Report {
  readonly acknowledged: number;
  readonly codes: readonly string[];
  readonly stored: readonly string[];
}

function checkReport(t: ExecutionContext, { acknowledged, codes, stored }: Report): void {
  t.deepEqual(
    stored,
    stored.map((_, index) => `record ${index}`),
  );
  t.true(acknowledged > 20, "it worked before the trouble");
  t.true(codes.length < 100, "it works after the trouble");
  t.true(stored.length >= acknowledged);
  const unknown = codes.filter((code) => code === "OUTCOME_UNKNOWN").length;
  t.true(stored.length <= acknowledged + unknown, "nothing is stored that was refused");
}

function runScript(t: ExecutionContext, command: string, args: readonly string[]): Report {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", timeout: 60_000 });
  t.is(status, 0, stderr);
  return JSON.parse(stdout) as Report;
}

function makeFolder(t: ExecutionContext): string {
  const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "perdure-log-")));
  t.teardown(() => fs.rmSync(folder, { recursive: true }));
  return folder;
}
