// SPDX-License-Identifier: Apache-2.0

import { CodedError } from "../base/mod.ts";
import type { TraceContext } from "../telemetry/mod.ts";

/**
 * The contract of an event log. A log stores bytes at positions and does not interpret the bytes.
 *
 * 1. *Fence* (I3): the caller of `append` and `replace` names an expected position. If that is not the position of
 *    the entity's last record, the log refuses with `APPEND_CONFLICT` and stores nothing.
 * 2. *Durability*: `append`, `replace` and `saveSnapshot` resolve only when the bytes are as safe as `durability` says.
 * 3. *Order*: a log has one or more partitions; an entity belongs to one, for ever. No two records of a partition
 *    have the same position. Positions of a partition increase with time, and those of one entity in the order of its
 *    appends. Positions may have gaps. Positions of different partitions cannot be compared.
 * 4. *Visibility*: every `read`, `tail` and `list` that starts after an acknowledgement sees the acknowledged record.
 *    A record that a reader sees is as durable as an acknowledged one.
 * 5. *Whole or not at all*: the log returns bytes exactly as it was given them. The caller does not change bytes that
 *    it passed in until the promise settles. Bytes that the log returns belong to the caller.
 * 6. *Failure*: any rejection is an `EventLogError`. After `OUTCOME_UNKNOWN` the record may or may not be stored, and
 *    only a read shows which (I5). After any other code it is not stored. A refused append does not affect other
 *    appends.
 * 7. *Keys*: type and id are any two strings. Two keys are equal only if type and id are equal code unit by code
 *    unit.
 * 8. *Bounds* (I11): a page holds at most `pageRecords` records and ends with the one that fills `pageBytes`. A record,
 *    a snapshot or a key beyond its bound is refused with `RECORD_TOO_LARGE`.
 * 9. *End*: `close` waits for the operations that were accepted. Later calls are refused with `LOG_CLOSED`, and so is
 *    the next step of an open iteration. A second `close` waits for the first.
 * 10. *Replacing*: `replace` makes its record the entity's only one: a `read`, `readLast` or `tail` that starts
 *    afterwards returns none of the earlier records. An entity either has a history, which callers append to, or one
 *    record, which callers replace. The log promises nothing for an entity on which callers used both.
 * 11. *Checkpoints* are the saved places of readers. Each has its own name and is a list of positions, which replaces
 *    the list that was saved before. If a checkpoint is lost, its reader repeats work, but no record is lost.
 * 12. *Health*: `health` tells without a request what the next append would meet. The log updates it from the results
 *    of appends and, while there are none, from checks, which store no record. When a log stops taking appends or
 *    takes them again, `health` shows it within seconds. An append that is refused because of its own contents (a
 *    conflict, too large) changes nothing.
 * 13. *Snapshots* only save time: no read that starts after a snapshot was dropped returns it, and no record is
 *    removed with it.
 *
 * One contract suite (`contract.ts`) checks every implementation.
 */
export interface EventLog {
  readonly durability: Durability;
  /** How many partitions there are, named 0, 1, 2 and so on. Does not change while the log exists. */
  readonly partitions: number;
  /** Cheap to read, because a probe may read it every second. */
  readonly health: LogHealth;

  /** The partition that the entity belongs to. */
  partitionOf(entity: EntityKey): number;

  /** The place of a record as text, for operators who need to find it in the storage. */
  locate(entity: EntityKey, position: Position): string;

  /**
   * The entity's newest snapshot and the records after it, in pages. Without `after`: the snapshot, if there is one,
   * and the first page. With `after`, the position of one of its records or `NO_POSITION`: the next page of records
   * after that position, without a snapshot. A history that is known to be incomplete is `LOG_CORRUPT` (I6).
   * `trace` is the span of which the read is a part (`tracedLog`); logs themselves need not know it.
   */
  read(entity: EntityKey, after?: Position, trace?: TraceContext): Promise<HistoryPage>;

  /**
   * Appends one record after the position `expected` (`NO_POSITION` for the first) and returns its position. `trace` is
   * as in `read`.
   */
  append(entity: EntityKey, expected: Position, record: Uint8Array, trace?: TraceContext): Promise<Position>;

  /** The entity's newest record. */
  readLast(entity: EntityKey, trace?: TraceContext): Promise<LogRecord | undefined>;

  /** As `append`, but the record replaces all earlier ones of the entity. */
  replace(entity: EntityKey, expected: Position, record: Uint8Array, trace?: TraceContext): Promise<Position>;

  /**
   * Stores a snapshot of the entity after its record at `position`: it covers all records up to and including that
   * one. It replaces a stored snapshot with the same or a lower position, and is ignored if the stored one has a
   * higher position. It never removes records.
   */
  saveSnapshot(entity: EntityKey, position: Position, snapshot: Uint8Array): Promise<void>;

  /**
   * The snapshots of all entities, or of those of one type, each once, in no particular order. A snapshot that is
   * saved or dropped during the iteration may or may not be yielded.
   */
  snapshots(type?: string): AsyncIterable<StoredSnapshot>;

  /** Removes the entity's snapshot, if there is one. After that a snapshot of any position can be saved. */
  dropSnapshot(entity: EntityKey): Promise<void>;

  /**
   * Makes the entity's next read cheaper, if that is worth the work; does nothing otherwise. It never changes what a
   * read returns. Callers use it when an entity leaves memory, because it may read the history as an activation does.
   */
  pack(entity: EntityKey): Promise<void>;

  /**
   * Yields the records of all entities of a type in one partition that follow the position `from`, in order of
   * position: first the stored ones, then new ones as they come, until the signal aborts, which ends it without error.
   */
  tail(type: string, partition: number, from: Position, signal: AbortSignal): AsyncIterable<TailRecord>;

  /** Ids of all entities of a type that have a record, each once, in no particular order. */
  list(type: string): AsyncIterable<string>;

  /** Position of a type's newest record in a partition. A tail from below yields that record, or a later one. */
  lastPosition(type: string, partition: number): Promise<Position>;

  readCheckpoint(name: string): Promise<readonly Position[] | undefined>;

  saveCheckpoint(name: string, positions: readonly Position[]): Promise<void>;

  /** Waits for the operations that were accepted, then releases all resources. */
  close(): Promise<void>;
}

/** Where a record stands in its partition: a whole number above zero. */
export type Position = number;

/** The position to expect for an entity's first record: no record precedes it. */
export const NO_POSITION: Position = 0;

export interface EntityKey {
  /** Persistence id of the entity type. */
  readonly type: string;
  readonly id: string;
}

export interface LogRecord {
  readonly position: Position;
  readonly bytes: Uint8Array;
}

export interface TailRecord extends LogRecord {
  readonly id: string;
}

export interface StoredSnapshot extends LogRecord {
  readonly entity: EntityKey;
}

export interface HistoryPage {
  readonly snapshot?: LogRecord;
  readonly records: readonly LogRecord[];
  /** False: more records may follow the last of `records`. */
  readonly end: boolean;
}

/** What the next append would meet. */
export type LogHealth =
  | { readonly kind: "usable" }
  /** Some partitions take appends and others do not; the error is that of one that does not. */
  | { readonly kind: "partly"; readonly error: EventLogError }
  /** No partition takes appends. */
  | { readonly kind: "unusable"; readonly error: EventLogError };

/** What an acknowledged append survives. Every published number names one of these. */
export type Durability =
  | "memory"
  /** Written, and synced some time later: survives the end of the log's process, not that of its machine. */
  | "acknowledged-before-fsync"
  /** Synced on one machine: survives its power failure, not the loss of its disk. */
  | "fsync-one-node"
  /** Held by a majority of machines, synced later: survives the loss of a minority, not power failure of all. */
  | "quorum-before-fsync"
  /** Synced by a majority of machines: survives power failure of all, and the loss of a minority with its disks. */
  | "fsync-quorum";

export type EventLogCode =
  /** The entity's last record is not at the expected position. Nothing was stored. */
  | "APPEND_CONFLICT"
  /** The log cannot say whether the record was stored. */
  | "OUTCOME_UNKNOWN"
  /** The log cannot be reached, or cannot write, at the moment. Nothing was stored. */
  | "LOG_UNAVAILABLE"
  /** The storage refuses access or is unfit. An operator must change what the text says. Nothing was stored. */
  | "LOG_UNUSABLE"
  /** No space. Nothing was stored. */
  | "LOG_FULL"
  /** More appends or reads wait than the bound allows. Nothing was stored. */
  | "LOG_OVERLOADED"
  /** A record, snapshot or key beyond its bound. Nothing was stored. */
  | "RECORD_TOO_LARGE"
  /** The stored data is damaged, or is not a log. */
  | "LOG_CORRUPT"
  /** The stored data was written by a newer Perdure. */
  | "LOG_TOO_NEW"
  /** Another process has it open. */
  | "LOG_LOCKED"
  /** The address or a setting of the log makes no sense. */
  | "LOG_BAD_ADDRESS"
  /** `close` was called. */
  | "LOG_CLOSED";

/** The error with which a log rejects (clause 6). */
export class EventLogError extends CodedError<EventLogCode> {}
