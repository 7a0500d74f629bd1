// SPDX-License-Identifier: Apache-2.0

import { Buffer } from "node:buffer";
import * as fs from "node:fs";
import { basename, dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { EventLogError } from "../event-log.ts";
import { checkPlaces, syncFile } from "./path.ts";
import { APPLICATION_ID, PAGE_BYTES, SCHEMA, SCHEMA_VERSION } from "./schema.ts";
import { isFileError, RESTORE, translateError } from "./sqlite-error.ts";

/**
 * Checks or makes the file of a log before SQLite opens it.
 *
 * 1. A file of another program is refused by its header alone, so that not a byte of it changes.
 * 2. A new file appears under its name whole and fsynced, or not at all.
 * 3. A write-ahead log without its file is refused: it may hold the only copy of records, and a new file beside it
 *    would make SQLite apply them to the wrong pages.
 * 4. A file with a second name is refused, because under each name it would have another lock and another write-ahead
 *    log.
 * 5. Files made here are for their owner only: files 0600, folders 0700. SQLite gives its own files the mode of the
 *    database. Files that were there before keep their mode.
 * 6. A path that leads to something other than a regular file is refused before anything is opened, made or replaced
 *    (`path.ts`).
 */
export function prepareFile(path: string): void {
  try {
    checkPlaces(path);
    checkOneName(path);
    if (sizeOf(path) > 0) return checkHeader(path);
    if (sizeOf(`${path}-wal`) > 0) throw strayWal(path);
    createFile(path);
  } catch (thrown) {
    throw translateError(thrown, path, "opening");
  }
}

/** Checks the versions in a file's header or, later, in the database with its write-ahead log. */
export function checkVersions(path: string, applicationId: number, version: number): void {
  if (applicationId !== APPLICATION_ID) {
    const text = `${path}: this SQLite file belongs to another program; nothing was changed in it; choose another path`;
    throw new EventLogError("LOG_CORRUPT", text);
  }
  if (version > SCHEMA_VERSION) {
    const text =
      `${path}: written by a newer Perdure (format ${version}; this one knows formats up to ${SCHEMA_VERSION}); ` +
      "nothing was changed in it; run the Perdure that wrote it, or a later one";
    throw new EventLogError("LOG_TOO_NEW", text);
  }
}

/**
 * Fills an empty write-ahead log with zeros, because an fsync that makes a file longer takes about twice as long. They
 * are no valid frame, so SQLite ignores them. If the disk has no room for them, the log is left empty.
 */
export function preallocateWal(path: string, bytes: number): void {
  let file: number | undefined;
  try {
    file = fs.openSync(`${path}-wal`, "r+");
    if (fs.fstatSync(file).size > 0) return;
    try {
      const zeros = Buffer.alloc(Math.min(bytes, 1024 * 1024));
      for (let left = bytes; left > 0; left -= zeros.length) {
        fs.writeSync(file, zeros, 0, Math.min(left, zeros.length));
      }
      fs.fsyncSync(file);
    } catch {
      fs.ftruncateSync(file);
    }
  } catch {
    // This only saves time, so a failure is ignored.
  } finally {
    if (file !== undefined) fs.closeSync(file);
  }
}

/** Where things stand in the 100 bytes at the start of every SQLite file (sqlite.org/fileformat2.html §1.3). */
const HEADER = { size: 100, magic: "SQLite format 3\0", version: 60, applicationId: 68 } as const;

function checkHeader(path: string): void {
  const header = Buffer.alloc(HEADER.size);
  const file = fs.openSync(path, "r");
  try {
    fs.readSync(file, header, 0, header.length, 0);
  } finally {
    fs.closeSync(file);
  }
  if (header.toString("latin1", 0, HEADER.magic.length) !== HEADER.magic) {
    const text = `${path}: this is not a log of Perdure (nor any SQLite file); ${RESTORE}`;
    throw new EventLogError("LOG_CORRUPT", text);
  }
  checkVersions(path, header.readInt32BE(HEADER.applicationId), header.readInt32BE(HEADER.version));
  // Without this check SQLite would open an unwritable file for reading only and fail at the first append.
  fs.accessSync(path, fs.constants.R_OK | fs.constants.W_OK);
}

function createFile(path: string): void {
  const draft = `${path}-new`;
  for (const suffix of ["", "-journal", "-wal", "-shm"]) fs.rmSync(draft + suffix, { force: true });
  createPrivately(draft);
  const database = new DatabaseSync(draft);
  try {
    database.exec(`PRAGMA synchronous = FULL; PRAGMA page_size = ${PAGE_BYTES}; BEGIN; ${SCHEMA} COMMIT`);
    database.exec("PRAGMA journal_mode = WAL");
  } finally {
    database.close();
  }
  syncFile(draft);
  // Checked again, because renaming replaces whatever is at the path by now.
  checkPlaces(path);
  fs.renameSync(draft, path);
  syncFile(dirname(path));
}

/** Leaves an existing file alone: opening and closing it would release the locks that this process has on it. */
export function createPrivately(path: string): void {
  try {
    fs.closeSync(fs.openSync(path, "wx", 0o600));
  } catch (thrown) {
    if (!isFileError(thrown, "EEXIST")) throw thrown;
  }
}

/** The files among those of a log that every user of the machine may read. */
export function filesForAll(path: string): string[] {
  return [path, `${path}-wal`, `${path}-shm`].filter(
    (each) => ((fs.statSync(each, { throwIfNoEntry: false })?.mode ?? 0) & FOR_OTHERS) !== 0,
  );
}

const FOR_OTHERS = 0o007;

/** @throws EventLogError `LOG_UNUSABLE` */
function checkOneName(path: string): void {
  const found = fs.statSync(path, { throwIfNoEntry: false });
  const names = found?.isFile() ? found.nlink : 1;
  const second =
    names > 1
      ? `the file has ${names} names (hard links); keep one of them, or make a copy`
      : isMountPoint(path)
        ? "the file is mounted by itself; mount its folder, so that the write-ahead log beside it is kept too"
        : undefined;
  if (second === undefined) return;
  const text = `${path}: ${second}: under each name it would have another lock and another write-ahead log`;
  throw new EventLogError("LOG_UNUSABLE", text);
}

/** Works on Linux only. In its list a path has octal numbers for blanks and the like (proc_pid_mountinfo(5)). */
function isMountPoint(path: string): boolean {
  try {
    const mounts = fs.readFileSync("/proc/self/mountinfo", "utf8");
    return mounts.split("\n").some((line) => unescapeMount(line.split(" ", 5)[4] ?? "") === path);
  } catch {
    return false;
  }
}

function unescapeMount(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

function strayWal(path: string): EventLogError {
  const text =
    `${path}: the file is missing, but ${basename(path)}-wal beside it may hold its latest records; ` +
    "put the file back, or move that one away to start empty";
  return new EventLogError("LOG_CORRUPT", text);
}

/** 0 also if there is no such file. */
function sizeOf(path: string): number {
  return fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
