// SPDX-License-Identifier: Apache-2.0

import * as fs from "node:fs";
import { join } from "node:path";

import type { ExecutionContext } from "ava";
import test from "ava";

import { temporaryFolder } from "../../../test/lib/processes.ts";
import { until } from "../../../test/lib/until.ts";
import type { EventLogCode } from "../event-log.ts";
import { EventLogError, NO_POSITION } from "../event-log.ts";
import type { SqliteLog } from "./log.ts";
import { openSqliteLog } from "./log.ts";

const ann = { type: "cart", id: "ann" };
const one = new Uint8Array([1]);

/**
 * Ways in which an open log loses its file. Each returns the function that puts the file back, or undefined if that
 * is impossible.
 */
const losses: Readonly<Record<string, (path: string) => (() => void) | undefined>> = {
  "is deleted": (path) => {
    fs.rmSync(path);
    return undefined;
  },
  "is deleted with all that is beside it": (path) => {
    for (const suffix of ["", "-wal", "-shm"]) fs.rmSync(path + suffix);
    return undefined;
  },
  "is moved away": (path) => {
    fs.renameSync(path, `${path}-away`);
    return () => fs.renameSync(`${path}-away`, path);
  },
  "is replaced by its own copy": (path) => {
    fs.copyFileSync(path, `${path}-copy`);
    fs.renameSync(path, `${path}-away`);
    fs.renameSync(`${path}-copy`, path);
    return () => fs.renameSync(`${path}-away`, path);
  },
  "goes with its folder": (path) => {
    const folder = join(path, "..");
    fs.renameSync(folder, `${folder}-away`);
    return () => fs.renameSync(`${folder}-away`, folder);
  },
};

for (const [loss, lose] of Object.entries(losses)) {
  test(`(2, 12) a file that ${loss} takes no append, and the log says so by itself`, async (t) => {
    const { log, path } = await openLog(t);
    const first = await log.append(ann, NO_POSITION, one);
    const giveBack = lose(path);
    // Only a check can notice the loss, because there is no append.
    await until("the log says so", () => codeOf(log) === "LOG_UNUSABLE");
    await rejectsWith(t, log.append(ann, first, one), "LOG_UNUSABLE");
    await rejectsWith(t, log.append({ type: "cart", id: "bob" }, NO_POSITION, one), "LOG_UNUSABLE");
    await rejectsWith(t, log.read(ann), "LOG_UNUSABLE");
    if (giveBack === undefined) return;
    giveBack();
    await until("the log is usable", () => log.health.kind === "usable");
    await log.append(ann, first, one);
    t.is((await log.read(ann)).records.length, 2);
  });

  test(`(2) a file that ${loss} while appends come acknowledges none of them any more`, async (t) => {
    const { log, path } = await openLog(t, 3_600_000);
    const first = await log.append(ann, NO_POSITION, one);
    const giveBack = lose(path);
    // The record was written before the loss was noticed. Only the file, if it comes back, shows whether the record
    // is stored.
    await rejectsWith(t, log.append(ann, first, one), "OUTCOME_UNKNOWN");
    for (let i = 0; i < 3; i++) await rejectsWith(t, log.append(ann, first, one), "LOG_UNUSABLE");
    giveBack?.();
  });
}

for (const beside of ["-wal", "-shm"]) {
  test(`(2, 12) an open log whose ${beside} is deleted loses nothing, and takes appends again`, async (t) => {
    const { log, path } = await openLog(t);
    const first = await log.append(ann, NO_POSITION, one);
    fs.rmSync(path + beside);
    await until("it is made anew", () => fs.existsSync(path + beside));
    await until("the log is usable", () => log.health.kind === "usable");
    const second = await log.append(ann, first, one);
    t.deepEqual(
      (await log.read(ann)).records.map(({ position }) => position),
      [first, second],
    );
  });
}

test("(2, I5) an append that was synced to a deleted -wal has an unknown outcome, which reading tells", async (t) => {
  const { log, path } = await openLog(t, 3_600_000);
  const first = await log.append(ann, NO_POSITION, one);
  fs.rmSync(`${path}-wal`);
  await rejectsWith(t, log.append(ann, first, one), "OUTCOME_UNKNOWN");
  const { records } = await log.read(ann);
  t.is(records.length, 2);
  await log.append(ann, records.at(-1)?.position ?? NO_POSITION, one);
});

test("(2) a log whose file was replaced leaves the other one as it is, also at its end", async (t) => {
  const { log, path } = await openLog(t);
  await log.append(ann, NO_POSITION, one);
  fs.rmSync(path);
  fs.writeFileSync(path, "another");
  fs.writeFileSync(`${path}-wal`, "its own");
  await until("the log says so", () => codeOf(log) === "LOG_UNUSABLE");
  await log.close();
  t.is(fs.readFileSync(path, "utf8"), "another");
  t.is(fs.readFileSync(`${path}-wal`, "utf8"), "its own");
});

function codeOf(log: SqliteLog): EventLogCode | undefined {
  return log.health.kind === "usable" ? undefined : log.health.error.code;
}

async function openLog(
  t: ExecutionContext,
  logCheckIntervalMs = 20,
): Promise<{ log: SqliteLog; path: string }> {
  const folder = join(temporaryFolder(t), "state");
  const path = join(folder, "log.db");
  const log = await openSqliteLog(path, { maxWalPages: 100, logCheckIntervalMs });
  t.teardown(() => log.close());
  return { log, path };
}

async function rejectsWith(
  t: ExecutionContext,
  promise: Promise<unknown>,
  code: EventLogCode,
): Promise<void> {
  const error = await t.throwsAsync(promise, { instanceOf: EventLogError });
  t.is(error.code, code, error.message);
}
