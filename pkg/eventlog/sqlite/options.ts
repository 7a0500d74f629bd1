// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../../base/mod.ts";
import { systemClock } from "../../base/mod.ts";
import type { Values } from "../../settings/mod.ts";
import { defaultsOf, KIB, MIB, pickValues } from "../../settings/mod.ts";
import type { Telemetry } from "../../telemetry/mod.ts";
import { NO_TELEMETRY } from "../../telemetry/mod.ts";

import type { LogLimits } from "../limits.ts";
import { defaultLimits } from "../limits.ts";
import { SQLITE_LOG_SETTINGS } from "../settings.ts";

/** Bounds that are no settings. Tests choose others. */
const BOUNDS = {
  /** A batch ends with the record that brings it to this size. In a larger one others would cost more than the disk. */
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

export interface SqliteLogOptions
  extends LogLimits,
    Values<typeof SQLITE_LOG_SETTINGS>,
    Readonly<typeof BOUNDS> {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** True: a log that does not exist is refused with `LOG_UNUSABLE`, and not created. Default false. */
  readonly mustExist: boolean;
}

export type WriterSettings = ReturnType<typeof writerSettings>;

export const defaultSqliteOptions: SqliteLogOptions = {
  ...defaultLimits,
  ...defaultsOf(SQLITE_LOG_SETTINGS),
  ...BOUNDS,
  clock: systemClock,
  telemetry: NO_TELEMETRY,
  mustExist: false,
};

export function writerSettings(options: SqliteLogOptions) {
  const { checkpointPages, maxWalPages, cachedEntities } = options;
  return { ...pickValues(SQLITE_LOG_SETTINGS, options), checkpointPages, maxWalPages, cachedEntities };
}
