// SPDX-License-Identifier: Apache-2.0

import * as fs from "node:fs";
import { basename, dirname } from "node:path";

import { systemClock } from "../../base/mod.ts";
import type { Clock } from "../../base/mod.ts";
import { EventLogError } from "../event-log.ts";
import type { Position } from "../event-log.ts";
import { translateError } from "./sqlite-error.ts";

/** Which file a path leads to. */
export interface FileIdentity {
  readonly device: bigint;
  readonly inode: bigint;
}

/** What has to be found where a log is opened again. */
export interface ExpectedFile {
  readonly identity: FileIdentity;
  /** Of a record that was acknowledged. (A file that is deleted and closed may leave its number to another one.) */
  readonly position: Position;
}

/** Where the files are that a connection has open. */
export type FilesState =
  | { readonly kind: "in place" }
  /**
   * The path leads to another database, or to none. What is written now is lost with the last open connection, unless
   * the file is put back.
   */
  | { readonly kind: "displaced"; readonly error: EventLogError }
  /** The write-ahead log or its index was removed. The database is in place, so closing it saves everything. */
  | { readonly kind: "lost beside"; readonly error: EventLogError };

/** A change of a folder within so many milliseconds may leave its time of change as it was: kernels count it in ticks. */
const FOLDER_TICK_MS = 50;

/**
 * The files of a log as they were when they were opened. An open file that is deleted or replaced still takes writes
 * and syncs them; only its path tells. So the writer looks here before it acknowledges.
 *
 * 1. After a commit it looks at the folder. At the files it looks only if something was made, removed or renamed in the
 *    folder since it last looked at them: a look costs a few microseconds of each commit, and one at a file that is being
 *    written to makes its next write slower (40 of 90 microseconds here, as file systems with fine times have to store the
 *    time of a write that follows a look).
 * 2. What a folder does not tell, as a mount over a file, the checks between commits find (`lookAtAll`).
 */
export class OpenFiles {
  readonly #path: string;
  readonly #folderPath: string;
  readonly #database: FileIdentity;
  readonly #wal: FileIdentity | undefined;
  readonly #index: FileIdentity | undefined;
  readonly #clock: Clock;
  /** As it was at the last look at the files; undefined if it may change without a sign. */
  #folder: FolderState | undefined;

  /** @throws EventLogError if the database is not the one that is expected. */
  constructor(path: string, expected?: FileIdentity, clock: Clock = systemClock) {
    this.#clock = clock;
    this.#path = path;
    this.#folderPath = dirname(path);
    this.#database = checkIdentity(path, expected);
    this.#wal = identityOf(`${path}-wal`);
    this.#index = identityOf(`${path}-shm`);
  }

  get database(): FileIdentity {
    return this.#database;
  }

  /** After a commit: at the files that it was synced to. */
  look(): FilesState {
    try {
      const folder = fs.statSync(this.#folderPath, { bigint: true, throwIfNoEntry: false });
      // (1)
      if (folder !== undefined && isSameFolder(this.#folder, folder)) return IN_PLACE;
      checkIdentity(this.#path, this.#database);
      if (!isSame(this.#wal, identityOf(`${this.#path}-wal`))) return lostBeside(this.#path, "-wal");
      this.#folder = folder !== undefined && this.#isOld(folder) ? folder : undefined;
      return IN_PLACE;
    } catch (thrown) {
      return { kind: "displaced", error: translateError(thrown, this.#path, "looking at it") };
    }
  }

  #isOld({ ctimeMs }: fs.BigIntStats): boolean {
    return this.#clock.wallMs() - Number(ctimeMs) > FOLDER_TICK_MS;
  }

  /** Also at the index. It holds no record, but without it another program takes the log for one that is closed. */
  lookAtAll(): FilesState {
    // (2)
    this.#folder = undefined;
    const files = this.look();
    if (files.kind !== "in place" || isSame(this.#index, identityOf(`${this.#path}-shm`))) return files;
    return lostBeside(this.#path, "-shm");
  }
}

/** Which folder it is, and when something in it was last made, removed or renamed. */
type FolderState = Pick<fs.BigIntStats, "dev" | "ino" | "ctimeNs">;

function isSameFolder(before: FolderState | undefined, now: FolderState): boolean {
  return before?.ctimeNs === now.ctimeNs && before.ino === now.ino && before.dev === now.dev;
}

const IN_PLACE: FilesState = { kind: "in place" };

function lostBeside(path: string, suffix: string): FilesState {
  const text = `${path}: ${basename(path)}${suffix} was removed or replaced; the file is opened again`;
  return { kind: "lost beside", error: new EventLogError("LOG_UNAVAILABLE", text) };
}

/** @throws EventLogError `LOG_UNUSABLE` if another file is there than the expected one, or none. */
export function checkIdentity(path: string, expected: FileIdentity | undefined): FileIdentity {
  const found = identityOf(path);
  if (found === undefined) throw displaced(path, "the file is gone");
  if (expected !== undefined && !isSame(found, expected))
    throw displaced(path, "another file is in its place");
  return found;
}

function displaced(path: string, what: string): EventLogError {
  const text =
    `${path}: ${what}, and the log does not write to a file that its path does not lead to; ` +
    "move the file back, which mends this at once, or restore a copy and restart";
  return new EventLogError("LOG_UNUSABLE", text);
}

function identityOf(path: string): FileIdentity | undefined {
  const found = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? undefined : { device: found.dev, inode: found.ino };
}

function isSame(one: FileIdentity | undefined, other: FileIdentity | undefined): boolean {
  return one?.device === other?.device && one?.inode === other?.inode;
}
