// SPDX-License-Identifier: Apache-2.0

import * as fs from "node:fs";
import { basename } from "node:path";

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

/**
 * The files of a log as they were when they were opened. An open file that is deleted or replaced still takes writes
 * and syncs them; only its path tells. So the writer looks here before it acknowledges.
 */
export class OpenFiles {
  readonly #path: string;
  readonly #database: FileIdentity;
  readonly #wal: FileIdentity | undefined;
  readonly #index: FileIdentity | undefined;

  /** @throws EventLogError if the database is not the one that is expected. */
  constructor(path: string, expected?: FileIdentity) {
    this.#path = path;
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
      checkIdentity(this.#path, this.#database);
      const isSameWal = isSame(this.#wal, identityOf(`${this.#path}-wal`));
      return isSameWal ? IN_PLACE : lostBeside(this.#path, "-wal");
    } catch (thrown) {
      return { kind: "displaced", error: translateError(thrown, this.#path, "looking at it") };
    }
  }

  /** Also at the index. It holds no record, but without it another program takes the log for one that is closed. */
  lookAtAll(): FilesState {
    const files = this.look();
    if (files.kind !== "in place" || isSame(this.#index, identityOf(`${this.#path}-shm`))) return files;
    return lostBeside(this.#path, "-shm");
  }
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
