// SPDX-License-Identifier: Apache-2.0

import type { Clock, Logger } from "../../base/mod.ts";
import { silentLogger, systemClock } from "../../base/mod.ts";

import type { HealthSettings } from "../health.ts";
import { defaultHealthSettings } from "../health.ts";
import type { LogLimits } from "../limits.ts";
import { defaultLimits } from "../limits.ts";

/** Settings of the log in a file; each has a default. */
export interface SqliteLogOptions extends LogLimits, HealthSettings, WriterSettings {
  readonly clock: Clock;
  readonly logger: Logger;
  /** True: a log that is not there is refused with `LOG_UNUSABLE`, and not made. Default false. */
  readonly mustExist: boolean;
  /** Most appends and snapshots that wait or are being written; more get `LOG_OVERLOADED`. Default 16,384. */
  readonly maxPendingAppends: number;
  /** Most bytes of them. Default 64 MiB; one record is taken whatever its size if nothing else waits. */
  readonly maxPendingBytes: number;
  /** A batch (one transaction, one fsync) ends with the record that brings it to this many bytes. Default 4 MiB. */
  readonly maxBatchBytes: number;
  /** Most reads that wait for their turn; more get `LOG_OVERLOADED`. Default 65,536. */
  readonly maxPendingReads: number;
  /** No read starts later than this after the first of one turn of the event loop, in milliseconds. Default 4. */
  readonly readSliceMs: number;
  /** Pause after a failed attempt to open the file again, in milliseconds. Default 1,000. */
  readonly reopenDelayMs: number;
}

/** The part of the settings that goes to the writer's thread. */
export interface WriterSettings {
  /** Largest size of the file, in bytes; an append beyond it gets `LOG_FULL`. Default: what the disk holds. */
  readonly maxFileBytes?: number;
  /**
   * How long to wait for a lock of another program (a backup, a person's `sqlite3`) on the file, in milliseconds.
   * Default 2,000.
   */
  readonly busyTimeoutMs: number;
  /** A file up to this size is checked page by page when it is opened, in bytes. Default 32 MiB. */
  readonly fullCheckBytes: number;
  /** Once the write-ahead log has this many pages of 4 KiB, a quiet moment is used to empty it. Default 1,000. */
  readonly checkpointPages: number;
  /** With this many pages it is emptied even if that makes appends wait. Default 2,000 (8 MiB). */
  readonly maxWalPages: number;
  /** Entities whose last position is kept in memory by the writer. Default 16,384. */
  readonly cachedEntities: number;
}

export const defaultSqliteOptions: SqliteLogOptions = {
  ...defaultLimits,
  ...defaultHealthSettings,
  clock: systemClock,
  logger: silentLogger,
  mustExist: false,
  maxPendingAppends: 16_384,
  maxPendingBytes: 64 * 1024 * 1024,
  maxBatchBytes: 4 * 1024 * 1024,
  maxPendingReads: 65_536,
  readSliceMs: 4,
  reopenDelayMs: 1_000,
  busyTimeoutMs: 2_000,
  fullCheckBytes: 32 * 1024 * 1024,
  checkpointPages: 1_000,
  maxWalPages: 2_000,
  cachedEntities: 16_384,
};

export function writerSettings(options: SqliteLogOptions): WriterSettings {
  const { maxFileBytes, busyTimeoutMs, fullCheckBytes, checkpointPages, maxWalPages, cachedEntities } =
    options;
  const bound = maxFileBytes === undefined ? {} : { maxFileBytes };
  return { ...bound, busyTimeoutMs, fullCheckBytes, checkpointPages, maxWalPages, cachedEntities };
}
