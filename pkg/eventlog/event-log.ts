// SPDX-License-Identifier: Apache-2.0

import { CodedError } from "../base/mod.ts";

/**
 * The contract of an event log. It speaks of positions and bytes and knows nothing of what they mean.
 *
 * 1. *Fence* (I3): `append` and `replace` name the position that they follow. If that is not the position of the entity's last
 *    record, the log refuses with `APPEND_CONFLICT` and stores nothing.
 * 2. *Durability*: `append`, `replace` and `saveSnapshot` resolve only when the bytes are as safe as `durability` says.
 * 3. *Order*: a log has one or more partitions; an entity belongs to one, for ever. Positions of a partition rise with
 *    time, those of one entity in the order of its appends. No two records of a partition have the same one. Positions
 *    may have gaps, and those of different partitions have nothing to do with each other.
 * 4. *Visibility*: an acknowledged record is seen by every `read`, `tail` and `list` that starts afterwards. What is
 *    seen is as durable as what was acknowledged.
 * 5. *Whole or not at all*: bytes come back exactly as they went in. Bytes that were given are left alone by the caller
 *    until the promise settles; bytes that come back belong to the caller.
 * 6. *Failure*: any rejection is an `EventLogError`. After `OUTCOME_UNKNOWN` the record may or may not be stored, and
 *    only reading tells (I5); after any other code it is not. A refused append harms no other.
 * 7. *Keys*: type and id are any two strings, told apart exactly, code unit by code unit.
 * 8. *Bounds* (I11): a page holds at most `pageRecords` records and ends with the one that fills `pageBytes`. A record,
 *    a snapshot or a key beyond its bound is refused with `RECORD_TOO_LARGE`.
 * 9. *End*: `close` lets what was accepted finish. What comes later is refused with `LOG_CLOSED`, and so is the next
 *    step of an iteration that is still open. A second `close` waits for the first.
 * 10. *Replacing*: a record that was stored with `replace` stands alone: whoever looks afterwards finds none of the
 *    earlier ones, neither with `read`, `readLast` nor `tail`. An entity either has a history, which is appended to, or
 *    one record, which is replaced. Nothing is promised of an entity to which both was done.
 * 11. *Checkpoints* are the places of readers, under names of their own: each is a list of positions, and replaces the
 *    one that was saved before. Losing one costs its reader work, never a record.
 * 12. *Health*: `health` says what the next append would meet, without a request. The log keeps it current: by what
 *    appends meet and, while there are none, by checks, which store no record. A log that stops taking appends says
 *    so within seconds, and so does one that takes them again. An append that is refused for its own sake (a
 *    conflict, too large) changes nothing.
 * 13. *Snapshots* only save time: one that is dropped is read by nobody who looks afterwards, and no record goes with it.
 *
 * One contract suite (`contract.ts`) checks every implementation.
 */
export interface EventLog {
  readonly durability: Durability;
  /** How many partitions there are, named 0, 1, 2 and so on. Does not change while the log exists. */
  readonly partitions: number;
  /** Cheap: for a probe that asks each second. */
  readonly health: LogHealth;

  /** In which partition the positions of an entity count. */
  partitionOf(entity: EntityKey): number;

  /** Where a record of the entity is stored, for people who have to look there. */
  locate(entity: EntityKey, position: Position): string;

  /**
   * The entity's newest snapshot and the records after it, in pages. Without `after`: the snapshot, if there is one,
   * and the first page. With `after`, the position of one of its records or `NO_POSITION`: the next page of records
   * behind that one, without a snapshot. A history that is known not to be whole is refused with `LOG_CORRUPT` (I6).
   */
  read(entity: EntityKey, after?: Position): Promise<HistoryPage>;

  /** Appends one record behind `expected` (`NO_POSITION` for the first) and gives its position. */
  append(entity: EntityKey, expected: Position, record: Uint8Array): Promise<Position>;

  /** The entity's newest record. */
  readLast(entity: EntityKey): Promise<LogRecord | undefined>;

  /** As `append`, but the record takes the place of all earlier ones of the entity. */
  replace(entity: EntityKey, expected: Position, record: Uint8Array): Promise<Position>;

  /**
   * Stores a snapshot that stands for all records up to and including the entity's own one at `position`. Replaces an
   * older one and its equal; is ignored if a newer one is stored. Records are never removed by it.
   */
  saveSnapshot(entity: EntityKey, position: Position, snapshot: Uint8Array): Promise<void>;

  /**
   * The snapshots of all entities, or of those of one type, each once, in no particular order. One that is saved or
   * dropped meanwhile may be given or not.
   */
  snapshots(type?: string): AsyncIterable<StoredSnapshot>;

  /** Removes the entity's snapshot, if there is one. The next one is saved as if there had been none. */
  dropSnapshot(entity: EntityKey): Promise<void>;

  /**
   * Makes the entity's next read cheap, if that pays; does nothing otherwise. Never changes what a read gives. For an
   * entity that leaves memory: it reads its history again.
   */
  pack(entity: EntityKey): Promise<void>;

  /**
   * Records of all entities of a type in one partition, behind `from` and in order of position: first what is stored,
   * then what is appended, until the signal aborts (the iteration then ends without an error).
   */
  tail(type: string, partition: number, from: Position, signal: AbortSignal): AsyncIterable<TailRecord>;

  /** Ids of all entities of a type that have a record, each once, in no particular order. */
  list(type: string): AsyncIterable<string>;

  /** The position of the newest record of a type in one partition. A tail from anywhere gives that one or a later one. */
  lastPosition(type: string, partition: number): Promise<Position>;

  readCheckpoint(name: string): Promise<readonly Position[] | undefined>;

  saveCheckpoint(name: string, positions: readonly Position[]): Promise<void>;

  /** Waits for what was accepted, then lets go of everything. */
  close(): Promise<void>;
}

/** Where a record stands in its partition: a whole number above zero. */
export type Position = number;

/** Stands before an entity's first record. */
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
  /** False: there may be more behind the last of `records`. */
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
  /** With a majority of machines, and synced some time later: survives the loss of a minority, not power failure of all. */
  | "quorum-before-fsync"
  /** Synced by a majority of machines: survives power failure of all, and the loss of a minority with its disks. */
  | "fsync-quorum";

export type EventLogCode =
  /** Another record stands where this one was to go. Nothing was stored. */
  | "APPEND_CONFLICT"
  /** The log cannot say whether the record was stored. */
  | "OUTCOME_UNKNOWN"
  /** Not reachable, or not able to write, now. Nothing was stored. */
  | "LOG_UNAVAILABLE"
  /** It does not let us, or is not fit for a log: an operator has to change what the text says. Nothing was stored. */
  | "LOG_UNUSABLE"
  /** No space. Nothing was stored. */
  | "LOG_FULL"
  /** More appends wait than the bound allows. Nothing was stored. */
  | "LOG_OVERLOADED"
  /** A record, snapshot or key beyond its bound. Nothing was stored. */
  | "RECORD_TOO_LARGE"
  /** What is stored is damaged or not a log. */
  | "LOG_CORRUPT"
  /** What is stored was written by a newer Perdure. */
  | "LOG_TOO_NEW"
  /** Another process has it open. */
  | "LOG_LOCKED"
  /** The address or a setting of the log makes no sense. */
  | "LOG_BAD_ADDRESS"
  /** `close` was called. */
  | "LOG_CLOSED";

/** The error of the log's boundary. */
export class EventLogError extends CodedError<EventLogCode> {}
