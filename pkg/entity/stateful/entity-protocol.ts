// SPDX-License-Identifier: Apache-2.0

import type { EntityKey, EventLog } from "../../eventlog/mod.ts";
import type { Commit, ProxyState } from "../../protocol/mod.ts";
import type { Change, Cursor, SnapshotPoint } from "../../record/mod.ts";
import type { TraceContext } from "../../telemetry/mod.ts";
import type { EntityService, ServiceKind } from "../../userfunction/mod.ts";

import type { EntityCommand } from "../command.ts";
import type { StreamTexts, Verdict } from "./verdict.ts";

/**
 * What differs between the kinds of stateful entities: their messages to the user function, and their records in the
 * log. It holds no state of an entity (`StatefulEntity` does), so each kind is one constant.
 */
export interface EntityProtocol extends ServiceKind {
  /** gRPC path of the user function's method. Each entity in memory has one stream of it. */
  readonly path: string;
  readonly texts: StreamTexts;
  /** How a record is stored: after the earlier ones, or in their place. */
  readonly store: "append" | "replace";

  /**
   * Reads the entity's history and gives the first messages of a new stream, in order. If `mayUse` refuses the
   * snapshot, it is left out and the events are read from the first one.
   *
   * @throws what the log throws, and HistoryError.
   */
  recover(
    log: HistoryReader,
    service: EntityService,
    key: EntityKey,
    mayUse: (snapshot: SnapshotPoint) => boolean,
  ): AsyncIterable<RecoveredPage>;

  /** The change for a record that leaves the state as it is. @throws what the log throws, and HistoryError. */
  noChange(log: EventLog, key: EntityKey, trace?: TraceContext): Promise<Change>;

  commandMessage(id: bigint, command: EntityCommand): Uint8Array;

  /**
   * Judges a message of the stream. `openCommandId` is undefined while no command waits for a reply. A message with
   * more than `maxFields` fields breaks the protocol. `extensions` are those that the user function announced.
   */
  judge(
    bytes: Uint8Array,
    openCommandId: bigint | undefined,
    maxFields: number,
    extensions: ReadonlySet<string>,
  ): Verdict;
}

export type HistoryReader = Pick<EventLog, "read" | "readLast">;

/** A page of an entity's history: the messages for the user function, and what the proxy itself needs of it. */
export interface RecoveredPage {
  readonly messages: readonly Uint8Array[];
  /** Bytes of the snapshot's state in the first of the messages; 0 if there is none. */
  readonly snapshotBytes: number;
  /** What the proxy itself needs to know: first `proxyState`, if this page has one, then what the commits add. */
  readonly proxyState: ProxyState | undefined;
  readonly commits: readonly Commit[];
  /** Records of this page that the snapshot in use does not include; always 0 for a value entity. */
  readonly records: number;
  /** The cursor after the whole history; only the last page has it. */
  readonly cursor: Cursor | undefined;
}
