// SPDX-License-Identifier: Apache-2.0

import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 100;
const SQLITE_BUSY = 5;

/**
 * Runs `work` while no other thread or process runs any under the same lock file. It uses SQLite's lock on an empty
 * database, because Node has no file locks. The system releases the lock when its holder dies.
 */
export async function withFileLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = new DatabaseSync(path, { timeout: 0 });
  try {
    while (!take(lock)) await delay(POLL_MS);
    return await work();
  } finally {
    lock.close();
  }
}

function take(lock: DatabaseSync): boolean {
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    if ((error as { readonly errcode?: number }).errcode === SQLITE_BUSY) return false;
    throw error;
  }
}
