// SPDX-License-Identifier: Apache-2.0

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

import type { ExecutionContext } from "ava";
import test from "ava";

import { EventLogError } from "../event-log.ts";
import { openSqliteLog } from "./log.ts";

/** What the killed process had acknowledged. */
const ACKNOWLEDGED = 50;

const HEADER_BYTES = 32;
const FRAME_BYTES = 24 + 4096;

/** Damages a copy of the files that one killed process left. */
type Damage = (files: Files) => void;

interface Files {
  readonly database: string;
  readonly wal: string;
  /** SQLite's index of the write-ahead log. It still says how long that log was, unless the machine stopped too. */
  readonly index: string;
  /** Ends of the transactions in the write-ahead log, in bytes. */
  readonly commits: readonly number[];
}

/**
 * The result of the next start: it refuses the files, or all records are there, or this many of the latest records
 * are lost without an error.
 */
type Outcome = "refused" | "whole" | { readonly lost: number };

const removed: Damage = ({ index }) => fs.rmSync(index);

/** Each case that is `lost` here is described in `docs/event-log.md` too. */
const table: readonly (readonly [title: string, damage: Damage, outcome: Outcome])[] = [
  ["no damage", () => undefined, "whole"],
  ["its index removed", removed, "whole"],
  ["its index damaged", ({ index }) => flip(index, 17), "whole"],
  ["zeros behind its end damaged", ({ wal, commits }) => flip(wal, end(commits) + 100), "whole"],
  ["removed", ({ wal }) => fs.rmSync(wal), "refused"],
  ["emptied", ({ wal }) => fs.truncateSync(wal), "refused"],
  ["cut within its header", ({ wal }) => fs.truncateSync(wal, 16), "refused"],
  ["cut behind its header", ({ wal }) => fs.truncateSync(wal, HEADER_BYTES), "refused"],
  ["cut behind the first commit", ({ wal, commits }) => fs.truncateSync(wal, commits[0]), "refused"],
  ["cut in the middle of a page", ({ wal, commits }) => fs.truncateSync(wal, end(commits) / 2), "refused"],
  ["cut before the last commit", ({ wal, commits }) => fs.truncateSync(wal, commits.at(-2)), "refused"],
  ["cut by its last byte", ({ wal, commits }) => fs.truncateSync(wal, end(commits) - 1), "refused"],
  ["overwritten with zeros", ({ wal, commits }) => wipe(wal, 0, end(commits)), "refused"],
  ...[0, 7, 8, 17, 25].map((at) => flipped("header", () => at)),
  ...[0, 5, 9, 17].map((at) => flipped("first frame's head", () => HEADER_BYTES + at)),
  ...[0, 5, 9, 17].map((at) => flipped("middle frame's head", (commits) => middle(commits) + at)),
  ...[0, 5, 9, 17].map((at) => flipped("last frame's head", (commits) => end(commits) - FRAME_BYTES + at)),
  flipped("first page", () => HEADER_BYTES + 24 + 100),
  flipped("middle page", (commits) => middle(commits) + 24 + 4_000),
  flipped("last page", (commits) => end(commits) - 1),
  ["a sector of zeros", ({ wal, commits }) => wipe(wal, middle(commits), 4_096), "refused"],

  ["without its index: a page flipped", both(removed, at(middle, 30)), "refused"],
  ["without its index: a frame's salt flipped", both(removed, at(middle, 9)), "refused"],
  ["without its index: its header flipped", both(removed, ({ wal }) => flip(wal, 9)), "refused"],
  ["without its index: its header wiped", both(removed, ({ wal }) => wipe(wal, 0, HEADER_BYTES)), "refused"],
  [
    "without its index: a sector of zeros",
    both(removed, ({ wal, commits }) => wipe(wal, middle(commits), 4_096)),
    "refused",
  ],
  ["without its index: a page of the last but one flipped", both(removed, at(lastButOne, -1)), "refused"],
  [
    "without its index: the end of the last but one flipped",
    both(removed, at(lastButOne, 9 - FRAME_BYTES)),
    { lost: 2 },
  ],
  ["without its index: the last page flipped", both(removed, at(end, -1)), { lost: 1 }],
  [
    "without its index: cut before the last commit",
    both(removed, ({ wal, commits }) => fs.truncateSync(wal, commits.at(-2))),
    { lost: 1 },
  ],
  [
    "without its index: cut behind the first commit",
    both(removed, ({ wal, commits }) => fs.truncateSync(wal, commits[0])),
    { lost: ACKNOWLEDGED - 1 },
  ],
  ["without its index: removed", both(removed, ({ wal }) => fs.rmSync(wal)), { lost: ACKNOWLEDGED }],
];

for (const [title, damage, outcome] of table) {
  test(`a write-ahead log after SIGKILL: ${title}: ${JSON.stringify(outcome)}`, async (t) => {
    const files = await copyOfKilled(t);
    damage(files);
    if (outcome === "refused") return isRefused(t, files);
    const lost = outcome === "whole" ? 0 : outcome.lost;
    t.is(await recordsIn(files), ACKNOWLEDGED - lost);
  });
}

test("the advice for a cut write-ahead log keeps all that is sound", async (t) => {
  const files = await copyOfKilled(t);
  const { wal, database, commits } = files;
  fs.truncateSync(wal, (commits[29] ?? 0) + 5_000);
  const error = await t.throwsAsync(openSqliteLog(database), { instanceOf: EventLogError });
  const [, command = ""] = /or go on without what is lost: (.*)$/.exec(error.message) ?? [];
  execFileSync("sh", ["-c", command], { cwd: dirname(database) });
  t.is(await recordsIn(files), 30);
});

test("a write-ahead log that stands in the file already is no loss: if damaged it is said so, if gone nothing is", async (t) => {
  const files = await copyOfKilled(t);
  const { wal, index, database } = files;
  // Another process copies the write-ahead log into the database file, and is killed before it starts the write-ahead
  // log anew.
  const moved = `
    const database = new (require("node:sqlite").DatabaseSync)(${JSON.stringify(database)});
    database.exec("PRAGMA wal_checkpoint(PASSIVE)");
    process.kill(process.pid, "SIGKILL");`;
  spawnSync(process.execPath, ["-e", moved]);
  t.true(fs.existsSync(wal) && fs.existsSync(index));
  flip(wal, middle(files.commits) + 50);
  const error = await t.throwsAsync(openSqliteLog(database), { instanceOf: EventLogError });
  t.regex(
    error.message,
    /nothing is lost: all of it stands in log\.db already; remove log\.db-wal and log\.db-shm$/,
  );
  fs.rmSync(wal);
  t.is(await recordsIn(files), ACKNOWLEDGED);
});

function flipped(what: string, position: (commits: readonly number[]) => number): (typeof table)[number] {
  const title = `its ${what} flipped at ${position([HEADER_BYTES + FRAME_BYTES])}`;
  return [title, ({ wal, commits }) => flip(wal, position(commits)), "refused"];
}

function at(position: (commits: readonly number[]) => number, offset: number): Damage {
  return ({ wal, commits }) => flip(wal, position(commits) + offset);
}

function both(...all: readonly Damage[]): Damage {
  return (files) => all.forEach((damage) => damage(files));
}

function end(commits: readonly number[]): number {
  return commits.at(-1) ?? 0;
}

/** The end of the last transaction but one. */
function lastButOne(commits: readonly number[]): number {
  return commits.at(-2) ?? 0;
}

/** The start of a frame in the middle. */
function middle(commits: readonly number[]): number {
  return commits[Math.floor(commits.length / 2)] ?? 0;
}

function flip(path: string, position: number): void {
  const bytes = fs.readFileSync(path);
  fs.writeFileSync(path, bytes.with(position, (bytes[position] ?? 0) ^ 4));
}

function wipe(path: string, from: number, length: number): void {
  fs.writeFileSync(path, fs.readFileSync(path).fill(0, from, from + length));
}

/** Checks that a start refuses the files, says why and changes nothing, and that the next start refuses them too. */
async function isRefused(t: ExecutionContext, files: Files): Promise<void> {
  const before = contents(files);
  for (let start = 0; start < 2; start++) {
    const opened = openSqliteLog(files.database);
    // Closes a log that opens after all, because it would keep this process alive.
    void opened.then(
      (log) => log.close(),
      () => undefined,
    );
    const error = await t.throwsAsync(opened, { instanceOf: EventLogError });
    t.is(error.code, "LOG_CORRUPT", error.message);
    t.true(error.message.startsWith(`${files.wal}: `), error.message);
    t.deepEqual(contents(files), before);
  }
}

function contents({ database, wal, index }: Files): (string | undefined)[] {
  return [database, wal, index].map((path) =>
    fs.existsSync(path) ? fs.readFileSync(path, "latin1") : undefined,
  );
}

async function recordsIn({ database }: Files): Promise<number> {
  const log = await openSqliteLog(database, { pageRecords: 1_000 });
  try {
    return (await log.read({ type: "cart", id: "e0" })).records.length;
  } finally {
    await log.close();
  }
}

let killed: Promise<string> | undefined;

test.after.always(async () => {
  if (killed !== undefined) fs.rmSync(await killed, { recursive: true });
});

async function copyOfKilled(t: ExecutionContext): Promise<Files> {
  killed ??= killAfter(ACKNOWLEDGED);
  const original = await killed;
  const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "perdure-log-")));
  t.teardown(() => fs.rmSync(folder, { recursive: true }));
  for (const name of ["log.db", "log.db-wal", "log.db-shm"])
    fs.copyFileSync(join(original, name), join(folder, name));
  const database = join(folder, "log.db");
  const wal = `${database}-wal`;
  return { database, wal, index: `${database}-shm`, commits: commitsIn(fs.readFileSync(wal)) };
}

/**
 * Returns the folder of a log whose process was killed after it had acknowledged `count` records. None of them is
 * checkpointed.
 */
async function killAfter(count: number): Promise<string> {
  const folder = fs.mkdtempSync(join(tmpdir(), "perdure-log-"));
  const script = join(import.meta.dirname, "testdata/appender.ts");
  const child = spawn(process.execPath, [script, join(folder, "log.db"), "1", `${count}`, "1000"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface(child.stdout)) if (line === "done") child.kill("SIGKILL");
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return folder;
}

/** Where the frames that end a transaction end, in bytes, in the newest generation of the write-ahead log. */
function commitsIn(bytes: Buffer): number[] {
  const salts = bytes.subarray(16, 24);
  const commits: number[] = [];
  for (let frame = HEADER_BYTES; frame + FRAME_BYTES <= bytes.length; frame += FRAME_BYTES) {
    if (!bytes.subarray(frame + 8, frame + 16).equals(salts)) break;
    if (bytes.readUInt32BE(frame + 4) !== 0) commits.push(frame + FRAME_BYTES);
  }
  return commits;
}
