// SPDX-License-Identifier: Apache-2.0

import type { Clock, Logger } from "../../base/mod.ts";
import { silentLogger, systemClock } from "../../base/mod.ts";
import type { Values } from "../../settings/mod.ts";
import { defaultsOf, KIB, MIB } from "../../settings/mod.ts";

import type { LogLimits } from "../limits.ts";
import { defaultLimits } from "../limits.ts";
import { SQLITE_LOG_SETTINGS } from "../settings.ts";

/** Bounds that are no settings. Tests choose others. */
const BOUNDS = {
  /**
   * A batch (one transaction, one fsync) ends with the record that brings it to this many bytes. With more, an append
   * would wait longer for others than for the disk.
   */
  maxBatchBytes: 4 * MIB,
  /** No read starts later than this after the first of one turn of the event loop, because requests wait meanwhile. */
  readSliceMs: 4,
  /** Pause after a failed attempt to open the file again, because an attempt may check the whole file. */
  reopenDelayMs: 1_000,
  /** Once the write-ahead log has this many pages (SQLite's own default), a quiet moment is used to empty it. */
  checkpointPages: 1_000,
  /** With this many pages, 8 MiB, it is emptied even if that makes appends wait, because reads get slower with it. */
  maxWalPages: 2_000,
  /** Entities whose last position the writer keeps in memory; for another one it asks the file. */
  cachedEntities: 16 * KIB,
};

/** The options of the log in a file; each has a default. */
export interface SqliteLogOptions
  extends LogLimits,
    Values<typeof SQLITE_LOG_SETTINGS>,
    Readonly<typeof BOUNDS> {
  readonly clock: Clock;
  readonly logger: Logger;
  /** True: a log that does not exist is refused with `LOG_UNUSABLE`, and not created. Default false. */
  readonly mustExist: boolean;
}

/** The options that go to the writer's thread. */
export type WriterSettings = Pick<
  SqliteLogOptions,
  | "maxSqliteLogBytes"
  | "sqliteBusyTimeoutMs"
  | "sqliteFullCheckBytes"
  | "checkpointPages"
  | "maxWalPages"
  | "cachedEntities"
>;

export const defaultSqliteOptions: SqliteLogOptions = {
  ...defaultLimits,
  ...defaultsOf(SQLITE_LOG_SETTINGS),
  ...BOUNDS,
  clock: systemClock,
  logger: silentLogger,
  mustExist: false,
};

export function writerSettings(options: SqliteLogOptions): WriterSettings {
  const { maxSqliteLogBytes, sqliteBusyTimeoutMs, sqliteFullCheckBytes } = options;
  const { checkpointPages, maxWalPages, cachedEntities } = options;
  return {
    maxSqliteLogBytes,
    sqliteBusyTimeoutMs,
    sqliteFullCheckBytes,
    checkpointPages,
    maxWalPages,
    cachedEntities,
  };
}
