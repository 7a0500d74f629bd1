// SPDX-License-Identifier: Apache-2.0

import * as fs from "node:fs";
import { basename, dirname } from "node:path";

import { systemClock } from "../../base/mod.ts";

import type { Position } from "../event-log.ts";
import { EventLogError } from "../event-log.ts";
import { translateError } from "./sqlite-error.ts";

/** Which file a path leads to. */
export interface FileIdentity {
  readonly device: bigint;
  readonly inode: bigint;
}

/** What a writer must find in the file when it opens a log again. */
export interface ExpectedFile {
  readonly identity: FileIdentity;
  /** Of an acknowledged record, which must be there, because a new file may get the inode number of a deleted one. */
  readonly position: Position;
}

/** Whether the files that a connection has open are still at their paths. */
export type FilesState =
  | { readonly kind: "in place" }
  /** The path leads to another database, or to none: what is written now is lost unless the file is put back. */
  | { readonly kind: "displaced"; readonly error: EventLogError }
  /** The write-ahead log or its index is gone or another. Closing the database, which is in place, saves all. */
  | { readonly kind: "lost beside"; readonly error: EventLogError };

/** Changes of a folder within this time may share one time of change, because kernels count it in ticks. */
const FOLDER_TICK_MS = 50;

/**
 * Remembers which files a log had when it was opened. A file that is deleted or replaced while it is open still takes
 * writes and syncs them. Only a look at its path shows the change, so the writer looks before it acknowledges.
 *
 * 1. After a commit it looks at the folder. It looks at the files only if an entry of the folder was made, removed or
 *    renamed since it last looked at them. A look costs each commit a few microseconds. A look at a file that is
 *    being written to makes the next write to it slower (40 of 90 microseconds here), because file systems with fine
 *    times must store the time of a write that follows a look.
 * 2. A change that the folder does not show, such as a mount over a file, is found by the checks between commits
 *    (`lookAtAll`).
 */
export class OpenFiles {
  readonly database: FileIdentity;
  readonly #path: string;
  readonly #folderPath: string;
  readonly #wal: FileIdentity | undefined;
  readonly #index: FileIdentity | undefined;
  /** The folder at the last look at the files; undefined if a further change might not show in it. */
  #folder: FolderState | undefined;

  /** @throws EventLogError if the database is not the one that is expected. */
  constructor(path: string, expected: FileIdentity) {
    this.#path = path;
    this.#folderPath = dirname(path);
    this.database = checkIdentity(path, expected);
    this.#wal = identityOf(`${path}-wal`);
    this.#index = identityOf(`${path}-shm`);
  }

  /** Called after a commit: looks at the files that it was synced to. */
  look(): FilesState {
    try {
      const folder = fs.statSync(this.#folderPath, { bigint: true, throwIfNoEntry: false });
      // (1)
      if (folder !== undefined && isSameFolder(this.#folder, folder)) return IN_PLACE;
      checkIdentity(this.#path, this.database);
      if (!isSame(this.#wal, identityOf(`${this.#path}-wal`))) return lostBeside(this.#path, "-wal");
      this.#folder = folder !== undefined && isOld(folder) ? folder : undefined;
      return IN_PLACE;
    } catch (thrown) {
      return { kind: "displaced", error: translateError(thrown, this.#path, "looking at it") };
    }
  }

  /** Also looks at the index (`-shm`): without it another program would take the log for a closed one. */
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

function isOld({ ctimeMs }: fs.BigIntStats): boolean {
  return systemClock.wallMs() - Number(ctimeMs) > FOLDER_TICK_MS;
}

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
