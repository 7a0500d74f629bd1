// SPDX-License-Identifier: Apache-2.0

import { rmSync } from "node:fs";
import { resolve } from "node:path";

import { lockFile } from "./lock.ts";
import { settlePath } from "./path.ts";
import { translateError } from "./sqlite-error.ts";

/**
 * Deletes the log in a file, even a damaged one. If the path is a symbolic link, the file that it leads to is deleted
 * and the link stays. The lock file stays too.
 *
 * @throws EventLogError `LOG_LOCKED` if a process has it open, `LOG_UNUSABLE` if anything but a regular file is there.
 */
export function removeSqliteLog(path: string): void {
  const settled = settlePath(resolve(path));
  const lock = lockFile(settled);
  try {
    for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(settled + suffix, { force: true });
  } catch (thrown) {
    throw translateError(thrown, settled, "deleting");
  } finally {
    lock.release();
  }
}
