// SPDX-License-Identifier: Apache-2.0

import { assert } from "../base/mod.ts";
import { MIB } from "../settings/mod.ts";

import type { EntityKey } from "./event-log.ts";
import { EventLogError } from "./event-log.ts";
import { RECORD_SETTINGS } from "./settings.ts";

/** Bounds that every log has (I11). Only `maxRecordBytes` is a setting; tests choose the others too. */
export interface LogLimits {
  readonly maxRecordBytes: number;
  /** Longest type and id together, in UTF-16 code units. */
  readonly maxKeyLength: number;
  /** Most records (or ids) in one page. */
  readonly pageRecords: number;
  /** A page ends with the record that brings it to this many bytes. */
  readonly pageBytes: number;
}

export const defaultLimits: LogLimits = {
  maxRecordBytes: RECORD_SETTINGS.maxRecordBytes.default,
  // The greatest `--max-entity-id-length`, which is the setting that callers meet first.
  maxKeyLength: 65_536,
  // A reader holds one page at a time. Pages of this size cost few round trips, and `pageBytes` bounds their memory.
  pageRecords: 512,
  pageBytes: MIB,
};

/** @throws EventLogError `RECORD_TOO_LARGE` */
export function checkSize(limits: LogLimits, entity: EntityKey, bytes: Uint8Array): void {
  const keyLength = entity.type.length + entity.id.length;
  if (keyLength > limits.maxKeyLength) {
    const text = `the type and id have ${keyLength} characters; the bound is ${limits.maxKeyLength}`;
    throw new EventLogError("RECORD_TOO_LARGE", text);
  }
  if (bytes.byteLength > limits.maxRecordBytes) {
    const text = `${nameOf(entity)}: ${bytes.byteLength} bytes are more than the bound of ${limits.maxRecordBytes}`;
    throw new EventLogError("RECORD_TOO_LARGE", text);
  }
}

/**
 * @param mayBeZero names of settings whose 0 means that there is no bound.
 * @throws EventLogError `LOG_BAD_ADDRESS` if another number among the settings is not a whole one above zero.
 */
export function checkSettings(settings: object, mayBeZero: readonly string[] = []): void {
  for (const [name, value] of Object.entries(settings)) {
    if (typeof value !== "number" || (Number.isSafeInteger(value) && value > 0)) continue;
    if (value === 0 && mayBeZero.includes(name)) continue;
    throw new EventLogError("LOG_BAD_ADDRESS", `${name} must be a whole number above zero, not ${value}`);
  }
}

/** An assertion, no EventLogError, because partition numbers come from Perdure's own code. */
export function checkPartition(partition: number, partitions: number): void {
  const exists = Number.isSafeInteger(partition) && partition >= 0 && partition < partitions;
  assert(exists, `a partition is one of ${partitions}`);
}

/** @throws EventLogError `APPEND_CONFLICT` */
export function appendConflict(entity: EntityKey, expected: number, cause?: unknown): EventLogError {
  const text = `${nameOf(entity)}: position ${expected} is not that of its last record`;
  return new EventLogError("APPEND_CONFLICT", text, { cause });
}

/** For messages. Escaped as JSON, because ids come from clients; type and id are cut after 80 characters each. */
export function nameOf(entity: EntityKey): string {
  const cut = (text: string) =>
    JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text).slice(1, -1);
  return `${cut(entity.type)}/${cut(entity.id)}`;
}
