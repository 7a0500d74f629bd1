// SPDX-License-Identifier: Apache-2.0

import type { EntityKey, EventLog } from "../eventlog/mod.ts";
import type { Commit, Kept } from "../protocol/mod.ts";
import type { EntityService } from "../userfunction/mod.ts";

import type { EntityCommand } from "./command.ts";
import type { StreamTexts } from "./failure.ts";
import type { Change, Cursor, SnapshotPoint } from "./history.ts";
import type { Verdict } from "./verdict.ts";

/**
 * What the kinds of stateful entities differ in: how they speak to their user function, and how they lie in the log.
 * All that an entity remembers is kept by `StatefulEntity`, so each kind is one constant.
 */
export interface EntityProtocol {
  /** The user function's method, as a path of gRPC. One stream of it is one entity in memory. */
  readonly path: string;
  /** What callers are told when the stream breaks. */
  readonly texts: StreamTexts;
  /** How a record is stored: behind the earlier ones, or in their place. */
  readonly store: "append" | "replace";

  /**
   * Reads the entity: what a new stream has to be told of it, in order. A snapshot that may not be used is left out, and
   * the events are read from the first one. Throws what the log throws, and HistoryError.
   */
  recover(
    log: HistoryReader,
    service: EntityService,
    key: EntityKey,
    mayUse: (snapshot: SnapshotPoint) => boolean,
  ): AsyncIterable<RecoveredPage>;

  /** The change of a record that changes nothing. Throws what the log throws, and HistoryError. */
  noChange(log: EventLog, key: EntityKey): Promise<Change>;

  /** A command, as the stream takes it. */
  commandMessage(id: bigint, command: EntityCommand): Uint8Array;

  /**
   * What a message of the stream means. `openCommandId` is undefined while the user function owes nothing. One with more
   * than `maxFields` fields is no message of the protocol. `extensions` are those that the user function announced.
   */
  judge(
    bytes: Uint8Array,
    openCommandId: bigint | undefined,
    maxFields: number,
    extensions: ReadonlySet<string>,
  ): Verdict;
}

/** As much of a log as reading an entity needs. */
export type HistoryReader = Pick<EventLog, "read" | "readLast">;

/** A bounded part of what a stream is told. */
export interface RecoveredPage {
  readonly messages: readonly Uint8Array[];
  /** Of the snapshot's state in the first of the messages; 0 if there is none. */
  readonly snapshotBytes: number;
  /** What the entity remembers beside its state: `kept` before the commits, if there is such a thing on this page. */
  readonly kept: Kept | undefined;
  readonly commits: readonly Commit[];
  /** How many records it holds that no snapshot stands for. */
  readonly records: number;
  /** Where the entity stands; only the last page has it. */
  readonly cursor: Cursor | undefined;
}
