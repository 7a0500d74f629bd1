// SPDX-License-Identifier: Apache-2.0

import { toError } from "../../base/mod.ts";

import type { EventLogCode } from "../event-log.ts";
import { EventLogError } from "../event-log.ts";

/** The only translation of errors of SQLite and of files. The text names file, action, problem and any remedy. */
export function translateError(thrown: unknown, path: string, doing: string): EventLogError {
  if (thrown instanceof EventLogError) return thrown;
  const cause = toError(thrown);
  const { code, reason } = reasonOf(cause);
  return new EventLogError(code, `${path}: ${doing}: ${reason} (${cause.message})`, { cause });
}

/**
 * SQLite notices a full disk before the last frame of a transaction, without which it is not valid. After any other
 * failure of `COMMIT` it may be in the write-ahead log, and only opening the log again shows whether it is.
 */
export function translateCommitError(thrown: unknown, path: string): EventLogError {
  const error = translateError(thrown, path, "committing");
  if (error.code === "LOG_FULL") return error;
  return new EventLogError("OUTCOME_UNKNOWN", error.message, { cause: thrown });
}

/** True if SQLite says that another connection holds the lock. */
export function isBusy(thrown: unknown): boolean {
  const code = primaryCode(toError(thrown));
  return code === SQLITE_BUSY || code === SQLITE_LOCKED;
}

/** True if the file system says that: `EROFS` takes no writes, `ENOENT` is not there, `EEXIST` is there already. */
export function isFileError(thrown: unknown, code: "EROFS" | "ENOENT" | "EEXIST"): boolean {
  return fileSystemCode(toError(thrown)) === code;
}

/** The parts of an error that are sent between threads, because its class and fields get lost on the way. */
export interface ErrorMessage {
  readonly code: EventLogCode;
  readonly message: string;
  readonly cause: string;
}

export function toErrorMessage(error: EventLogError): ErrorMessage {
  const { code, message, cause } = error;
  return { code, message, cause: cause instanceof Error ? cause.message : "" };
}

export function fromErrorMessage({ code, message, cause }: ErrorMessage): EventLogError {
  return new EventLogError(code, message, cause === "" ? undefined : { cause: new Error(cause) });
}

/** What to do about a damaged file, for the end of a sentence. */
export const RESTORE =
  "nothing was changed in it; put a copy from before the damage in its place, or move it away to start empty";

interface Reason {
  readonly code: EventLogCode;
  readonly reason: string;
}

const FULL: Reason = {
  code: "LOG_FULL",
  reason: "no space is left, or --max-sqlite-log-bytes is reached; make space",
};
const DAMAGED: Reason = { code: "LOG_CORRUPT", reason: `the file is damaged; ${RESTORE}` };
const BUSY: Reason = { code: "LOG_UNAVAILABLE", reason: "another program holds a lock on the file" };
const UNWRITABLE: Reason = { code: "LOG_UNAVAILABLE", reason: "the file or its folder cannot be written" };

/** By primary result code (sqlite.org/rescode.html). */
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_REASONS: Readonly<Record<number, Reason>> = {
  [SQLITE_BUSY]: BUSY,
  [SQLITE_LOCKED]: BUSY,
  /* READONLY */ 8: UNWRITABLE,
  /* IOERR */ 10: { code: "LOG_UNAVAILABLE", reason: "the disk fails" },
  /* CORRUPT */ 11: DAMAGED,
  /* FULL */ 13: FULL,
  /* CANTOPEN */ 14: UNWRITABLE,
  /* TOOBIG */ 18: { code: "RECORD_TOO_LARGE", reason: "more than SQLite takes" },
  /* NOTADB */ 26: DAMAGED,
};

const FILE_SYSTEM_REASONS: Readonly<Record<string, Reason>> = {
  ENOSPC: FULL,
  EDQUOT: FULL,
  EACCES: UNWRITABLE,
  EPERM: UNWRITABLE,
  EROFS: UNWRITABLE,
  ELOOP: { code: "LOG_UNUSABLE", reason: "symbolic links lead in a circle" },
};

function reasonOf(cause: Error): Reason {
  const sqlite = SQLITE_REASONS[primaryCode(cause) ?? 0];
  const fileSystem = FILE_SYSTEM_REASONS[fileSystemCode(cause) ?? ""];
  return sqlite ?? fileSystem ?? { code: "LOG_UNAVAILABLE", reason: "failed" };
}

function primaryCode(error: Error): number | undefined {
  const extended = "errcode" in error ? error.errcode : undefined;
  return typeof extended === "number" ? extended & 0xff : undefined;
}

function fileSystemCode(error: Error): string | undefined {
  const code = "code" in error ? error.code : undefined;
  return typeof code === "string" && "syscall" in error ? code : undefined;
}
