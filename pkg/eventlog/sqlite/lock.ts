// SPDX-License-Identifier: Apache-2.0

import { DatabaseSync } from "node:sqlite";

import { EventLogError } from "../event-log.ts";
import { createPrivately } from "./file.ts";
import { isBusy, translateError } from "./sqlite-error.ts";

/**
 * Prevents a log from being opened twice, in this process or another, with SQLite's own locks on a file beside it. The
 * system releases them however a process ends, and when it closes the file, so no other code may open it.
 *
 * The lock is a write transaction that stays open. It blocks other writers, who can still read the holder's process id.
 */
export interface FileLock {
  release(): void;
}

/** How long taking the lock waits for another process that is just reading the lock file, in milliseconds. */
const LOOK_MS = 1_000;

/** @throws EventLogError `LOG_LOCKED` if it is held, others if the lock file cannot be used. */
export function lockFile(path: string): FileLock {
  const lockPath = `${path}-lock`;
  let lock: DatabaseSync | undefined;
  try {
    createPrivately(lockPath);
    lock = new DatabaseSync(lockPath);
    // The file holds one number in its header, which needs no fsync and no journal on disk.
    lock.exec("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; BEGIN IMMEDIATE");
    lock.exec(
      `PRAGMA user_version = ${process.pid}; PRAGMA busy_timeout = ${LOOK_MS}; COMMIT; BEGIN IMMEDIATE`,
    );
  } catch (thrown) {
    const error =
      lock !== undefined && isBusy(thrown)
        ? lockedError(path, holderOf(lock))
        : translateError(thrown, lockPath, "locking");
    lock?.close();
    throw error;
  }
  const held = lock;
  return { release: () => held.close() };
}

function lockedError(path: string, pid: number | undefined): EventLogError {
  const holder =
    pid === undefined ? "another process" : pid === process.pid ? "this process" : `process ${pid}`;
  return new EventLogError("LOG_LOCKED", `${path}: ${holder} has this log open; one process at a time may`);
}

function holderOf(lock: DatabaseSync): number | undefined {
  try {
    const pid = lock.prepare("PRAGMA user_version").get()?.["user_version"];
    return typeof pid === "number" && pid > 0 ? pid : undefined;
  } catch {
    // The lock is being taken at this moment. The error then does not name the holder.
    return undefined;
  }
}
