// SPDX-License-Identifier: Apache-2.0

import { boolean, choice, GIB, HOUR_MS, KIB, MIB, milliseconds, number, text } from "../settings/mod.ts";

export const LOG_ADDRESS_SETTINGS = {
  log: text(
    "log",
    "PERDURE_LOG",
    "sqlite:.perdure/log.db",
    "The event log: `sqlite:PATH` (durable, one process), `nats://HOST:PORT/PREFIX` (JetStream, any number of processes; several servers with commas between them; `tls://` demands TLS) or `memory:` (lost at the end, for tests).",
  ),
} as const;

/** Every kind of log. */
export const RECORD_SETTINGS = {
  maxRecordBytes: number(
    "max-record-bytes",
    "PERDURE_MAX_RECORD_BYTES",
    12 * MIB,
    "bytes",
    [KIB, 256 * MIB],
    "Largest record (all events of one command) and largest snapshot in the log; with NATS its `max_payload` too counts.",
  ),
} as const;

/** Logs that may fail between two appends: on disk or on NATS. */
export const LOG_HEALTH_SETTINGS = {
  logCheckIntervalMs: milliseconds(
    "log-check-interval",
    "PERDURE_LOG_CHECK_INTERVAL_MS",
    500,
    "How often a log that nothing is appended to is checked, so that `/readyz` says what the next append would meet.",
    [10, HOUR_MS],
  ),
  logCheckTimeoutMs: milliseconds(
    "log-check-timeout",
    "PERDURE_LOG_CHECK_TIMEOUT_MS",
    3_000,
    "A check of the log that takes longer makes the proxy unready, until the check succeeds or an append works.",
    [10, HOUR_MS],
  ),
} as const;

/** Queues in front of a log on disk or on NATS. */
const QUEUE_SETTINGS = {
  maxPendingAppends: number(
    "max-pending-appends",
    "PERDURE_MAX_PENDING_APPENDS",
    16_384,
    "appends",
    [1, 1_000_000],
    "Appends that may wait for the log; the next is refused with `LOG_OVERLOADED`.",
  ),
  maxPendingBytes: number(
    "max-pending-bytes",
    "PERDURE_MAX_PENDING_BYTES",
    64 * MIB,
    "bytes",
    [MIB, 16 * GIB],
    "The same in bytes; one record is taken whatever its size if no other waits.",
  ),
  maxPendingReads: number(
    "max-pending-reads",
    "PERDURE_MAX_PENDING_READS",
    65_536,
    "reads",
    [1, 10_000_000],
    "Reads that may wait for the log; the next is refused with `LOG_OVERLOADED`.",
  ),
} as const;

export const MEMORY_LOG_SETTINGS = {
  ...RECORD_SETTINGS,
  maxMemoryLogBytes: number(
    "max-memory-log-bytes",
    "PERDURE_MAX_MEMORY_LOG_BYTES",
    GIB,
    "bytes",
    [MIB, 64 * GIB],
    "Largest size of a log in memory; an append beyond it is refused with `LOG_FULL`.",
  ),
} as const;

export const SQLITE_LOG_SETTINGS = {
  ...RECORD_SETTINGS,
  ...LOG_HEALTH_SETTINGS,
  ...QUEUE_SETTINGS,
  maxSqliteLogBytes: number(
    "max-sqlite-log-bytes",
    "PERDURE_MAX_SQLITE_LOG_BYTES",
    0,
    "bytes",
    [0, 16 * 1_024 * GIB],
    "Largest size of the file of a log in SQLite; an append beyond it is refused with `LOG_FULL`. 0: what the disk holds.",
  ),
  sqliteBusyTimeoutMs: milliseconds(
    "sqlite-busy-timeout",
    "PERDURE_SQLITE_BUSY_TIMEOUT_MS",
    2_000,
    "How long the lock of another program on the file (a backup, `sqlite3`) is waited for; then `LOG_UNAVAILABLE`.",
    [1, HOUR_MS],
  ),
  sqliteFullCheckBytes: number(
    "sqlite-full-check-bytes",
    "PERDURE_SQLITE_FULL_CHECK_BYTES",
    32 * MIB,
    "bytes",
    [1, 1_024 * GIB],
    "A file up to this size is checked page by page when it is opened; damage in a larger one is found when it is read.",
  ),
} as const;

/** Streams of a new log on NATS if its settings name no number. */
export const NEW_LOG_STREAMS = 4;

/** A log on NATS, besides the connection (`NATS_SETTINGS`). */
export const JETSTREAM_LOG_SETTINGS = {
  ...RECORD_SETTINGS,
  ...LOG_HEALTH_SETTINGS,
  ...QUEUE_SETTINGS,
  logStreams: choice(
    "log-streams",
    "PERDURE_LOG_STREAMS",
    0,
    [1, 2, 4, 8, 16, 0],
    `Streams for the events of a new log on NATS; 0 means ${NEW_LOG_STREAMS}. A log that exists keeps its number.`,
  ),
  logReplicas: number(
    "log-replicas",
    "PERDURE_LOG_REPLICAS",
    1,
    "servers",
    [1, 5],
    "NATS servers that hold a copy of the state: new streams get so many copies, and streams with fewer are refused. 3 in production.",
  ),
  logDurability: choice(
    "log-durability",
    "PERDURE_LOG_DURABILITY",
    "relaxed",
    ["relaxed", "strict"],
    "What an acknowledgement by NATS survives: the end of the server's process, or, if strict, of its machine. Strict places new streams on servers with the tag `sync:always`, and refuses streams elsewhere.",
  ),
  logServersSync: boolean(
    "log-servers-sync",
    "PERDURE_LOG_SERVERS_SYNC",
    false,
    "Your word that all NATS servers run with `sync_interval: always`; strict durability then needs no tag.",
  ),
  logMaxBytes: number(
    "log-max-bytes",
    "PERDURE_LOG_MAX_BYTES",
    0,
    "bytes",
    [0, 1_024 * 1_024 * GIB],
    "Largest size of each new stream of events on NATS; an append beyond it is refused with `LOG_FULL`. 0: what the server allows.",
  ),
  appendDeadlineMs: milliseconds(
    "append-deadline",
    "PERDURE_APPEND_DEADLINE_MS",
    20_000,
    "How long an append is tried while NATS cannot store it or does not respond; then `LOG_UNAVAILABLE`, or `OUTCOME_UNKNOWN` if it may be stored. An election in its cluster takes four to nine seconds.",
  ),
  readDeadlineMs: milliseconds(
    "read-deadline",
    "PERDURE_READ_DEADLINE_MS",
    10_000,
    "How long a read is tried while NATS does not respond; then `LOG_UNAVAILABLE`.",
  ),
  maxAppendsInFlight: number(
    "max-appends-in-flight",
    "PERDURE_MAX_APPENDS_IN_FLIGHT",
    1_024,
    "appends",
    [1, 100_000],
    "Appends that NATS has to answer at the same time; further ones wait.",
  ),
  maxReadsInFlight: number(
    "max-reads-in-flight",
    "PERDURE_MAX_READS_IN_FLIGHT",
    32,
    "reads",
    [1, 10_000],
    "Reads that NATS has to answer at the same time; further ones wait.",
  ),
  packRecords: number(
    "pack-records",
    "PERDURE_PACK_RECORDS",
    8,
    "records",
    [1, 1_000_000],
    "The history of an entity that leaves memory is packed, for its next activation, when so many of its records are not; only in a log on NATS.",
  ),
  maxPackBytes: number(
    "max-pack-bytes",
    "PERDURE_MAX_PACK_BYTES",
    256 * KIB,
    "bytes",
    [KIB, 64 * MIB],
    "Largest packed history, with its snapshot; a longer one is read record by record.",
  ),
} as const;
