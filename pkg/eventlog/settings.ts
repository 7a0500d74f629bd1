// SPDX-License-Identifier: Apache-2.0

import {
  boolean,
  choice,
  GIB,
  HOUR_MS,
  KIB,
  MIB,
  milliseconds,
  named,
  number,
  text,
} from "../settings/mod.ts";

import { LOG_HELP } from "./address/log-kinds.ts";

export const LOG_ADDRESS_SETTINGS = named({
  log: text("sqlite:.perdure/log.db", {
    help: `The event log: ${LOG_HELP}.`,
  }),
});

/** Every kind of log. */
export const RECORD_SETTINGS = named({
  maxRecordBytes: number(12 * MIB, "bytes", [KIB, 256 * MIB], {
    help: "Largest record (all events of one command) and largest snapshot in the log; with NATS its `max_payload` too counts.",
  }),
});

/** Logs that may fail between two appends: on disk or on NATS. */
export const LOG_HEALTH_SETTINGS = named({
  logCheckIntervalMs: milliseconds(500, {
    range: [10, HOUR_MS],
    help: "How often a log that nothing is appended to is checked, so that `/readyz` says what the next append would meet.",
  }),
  logCheckTimeoutMs: milliseconds(3_000, {
    range: [10, HOUR_MS],
    help: "A check of the log that takes longer makes the proxy unready, until the check succeeds or an append works.",
  }),
});

/** Queues in front of a log on disk or on NATS. */
const QUEUE_SETTINGS = named({
  maxPendingAppends: number(16_384, "appends", [1, 1_000_000], {
    help: "Appends that may wait for the log; the next is refused with `LOG_OVERLOADED`.",
  }),
  maxPendingBytes: number(64 * MIB, "bytes", [MIB, 16 * GIB], {
    help: "The same in bytes; one record is taken whatever its size if no other waits.",
  }),
  maxPendingReads: number(65_536, "reads", [1, 10_000_000], {
    help: "Reads that may wait for the log; the next is refused with `LOG_OVERLOADED`.",
  }),
});

export const MEMORY_LOG_SETTINGS = named({
  ...RECORD_SETTINGS,
  maxMemoryLogBytes: number(GIB, "bytes", [MIB, 64 * GIB], {
    help: "Largest size of a log in memory; an append beyond it is refused with `LOG_FULL`.",
  }),
});

export const SQLITE_LOG_SETTINGS = named({
  ...RECORD_SETTINGS,
  ...LOG_HEALTH_SETTINGS,
  ...QUEUE_SETTINGS,
  maxSqliteLogBytes: number(0, "bytes", [0, 16 * 1_024 * GIB], {
    help: "Largest size of the file of a log in SQLite; an append beyond it is refused with `LOG_FULL`. 0: what the disk holds.",
  }),
  sqliteBusyTimeoutMs: milliseconds(2_000, {
    range: [1, HOUR_MS],
    help: "How long the lock of another program on the file (a backup, `sqlite3`) is waited for; then `LOG_UNAVAILABLE`.",
  }),
  sqliteFullCheckBytes: number(32 * MIB, "bytes", [1, 1_024 * GIB], {
    help: "A file up to this size is checked page by page when it is opened; damage in a larger one is found when it is read.",
  }),
});

/** Streams of a new log on NATS if its settings name no number. */
export const NEW_LOG_STREAMS = 4;

/** A log on NATS, besides the connection (`NATS_SETTINGS`). */
export const JETSTREAM_LOG_SETTINGS = named({
  ...RECORD_SETTINGS,
  ...LOG_HEALTH_SETTINGS,
  ...QUEUE_SETTINGS,
  logStreams: choice(0, [1, 2, 4, 8, 16, 0], {
    help: `Streams for the events of a new log on NATS; 0 means ${NEW_LOG_STREAMS}. A log that exists keeps its number.`,
  }),
  logReplicas: number(1, "servers", [1, 5], {
    help: "NATS servers that hold a copy of the state: new streams get so many copies, and streams with fewer are refused. 3 in production.",
  }),
  logDurability: choice("strict", ["strict", "relaxed"], {
    help: "What an acknowledgement by NATS survives: a power failure of the server's machine, or, if relaxed, only the end of its process. Strict places new streams on servers with the tag `sync:always`, and refuses streams elsewhere.",
  }),
  logServersSync: boolean(false, {
    help: "Your word that all NATS servers run with `sync_interval: always`; strict durability then needs no tag.",
  }),
  logMaxBytes: number(0, "bytes", [0, 1_024 * 1_024 * GIB], {
    help: "Largest size of each new stream of events on NATS; an append beyond it is refused with `LOG_FULL`. 0: what the server allows.",
  }),
  appendDeadlineMs: milliseconds(20_000, {
    help: "How long an append is tried while NATS cannot store it or does not respond; then `LOG_UNAVAILABLE`, or `OUTCOME_UNKNOWN` if it may be stored. An election in its cluster takes four to nine seconds.",
  }),
  readDeadlineMs: milliseconds(10_000, {
    help: "How long a read is tried while NATS does not respond; then `LOG_UNAVAILABLE`.",
  }),
  maxAppendsInFlight: number(1_024, "appends", [1, 100_000], {
    help: "Appends that NATS has to answer at the same time; further ones wait.",
  }),
  maxReadsInFlight: number(32, "reads", [1, 10_000], {
    help: "Reads that NATS has to answer at the same time; further ones wait.",
  }),
  packRecords: number(8, "records", [1, 1_000_000], {
    help: "The history of an entity that leaves memory is packed, for its next activation, when so many of its records are not; only in a log on NATS.",
  }),
  maxPackBytes: number(256 * KIB, "bytes", [KIB, 64 * MIB], {
    help: "Largest packed history, with its snapshot; a longer one is read record by record.",
  }),
});
