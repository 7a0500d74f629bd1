// SPDX-License-Identifier: Apache-2.0

import type { Values } from "../base/mod.ts";
import { boolean, number, SettingError, text } from "../base/mod.ts";
import type { EventLogDependencies, HealthSettings, JetStreamLogOptions } from "../eventlog/mod.ts";
import type { NatsCredentials } from "../nats/mod.ts";

import { withSecretFolder } from "./nats-secret.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;
const MIB = 1_048_576;
const GIB = 1_024 * MIB;

/** Settings of the event log, except its address. */
export const LOG_DETAIL_SETTINGS = {
  logCheckIntervalMs: number(
    "log-check-interval",
    "PERDURE_LOG_CHECK_INTERVAL_MS",
    500,
    "ms",
    [10, HOUR_MS],
    "How often a log that nothing is appended to is checked, so that `/readyz` says what the next append would meet.",
  ),
  logCheckTimeoutMs: number(
    "log-check-timeout",
    "PERDURE_LOG_CHECK_TIMEOUT_MS",
    3_000,
    "ms",
    [10, HOUR_MS],
    "A check of the log that takes longer makes the proxy unready, until the check ends well or an append works.",
  ),
  maxRecordBytes: number(
    "max-record-bytes",
    "PERDURE_MAX_RECORD_BYTES",
    12 * MIB,
    "bytes",
    [1_024, 256 * MIB],
    "Largest record (all events of one command) and largest snapshot in the log; with NATS its `max_payload` too counts.",
  ),
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
    "The same in bytes.",
  ),
  maxMemoryLogBytes: number(
    "max-memory-log-bytes",
    "PERDURE_MAX_MEMORY_LOG_BYTES",
    GIB,
    "bytes",
    [MIB, 64 * GIB],
    "What a log in memory keeps; beyond it `LOG_FULL`.",
  ),
} as const;

/** Settings of a log on NATS. Those of the connection have the names that the tools of NATS use. */
export const NATS_SETTINGS = {
  logStreams: number(
    "log-streams",
    "PERDURE_LOG_STREAMS",
    0,
    "streams",
    [0, 16],
    "Streams for the events of a new log on NATS: 1, 2, 4, 8 or 16; 0: 4. A log that is there keeps what it has.",
  ),
  logReplicas: number(
    "log-replicas",
    "PERDURE_LOG_REPLICAS",
    1,
    "servers",
    [1, 5],
    "NATS servers that hold a copy of each new stream; streams with fewer are refused. 3 in production.",
  ),
  logDurability: text(
    "log-durability",
    "PERDURE_LOG_DURABILITY",
    "relaxed",
    "What an acknowledgement by NATS survives: the end of the server's process, or, if strict, of its machine. Strict " +
      "places new streams on servers with the tag `sync:always`, and refuses streams elsewhere.",
    ["relaxed", "strict"],
  ),
  logServersSync: boolean(
    "log-servers-sync",
    "PERDURE_LOG_SERVERS_SYNC",
    false,
    "Your word that all NATS servers run with `sync_interval: always`; strict then needs no tag.",
  ),
  logMaxBytes: number(
    "log-max-bytes",
    "PERDURE_LOG_MAX_BYTES",
    0,
    "bytes",
    [0, 1_024 * 1_024 * GIB],
    "Largest size of each new stream of events on NATS, beyond it `LOG_FULL`; 0: what the server gives.",
  ),
  logStartTimeoutMs: number(
    "log-start-timeout",
    "PERDURE_LOG_START_TIMEOUT_MS",
    5 * MINUTE_MS,
    "ms",
    [0, DAY_MS],
    "How long the proxy waits at its start for a NATS server that is not there yet, before it ends with exit code 1.",
  ),
  natsCreds: text("nats-creds", "NATS_CREDS", "", "File with NATS credentials (JWT and NKey, `.creds`)."),
  natsNkey: text("nats-nkey", "NATS_NKEY", "", "File with the seed of an NKey."),
  natsUser: text("nats-user", "NATS_USER", "", "User of NATS, with `NATS_PASSWORD`."),
  natsPassword: text("nats-password", "NATS_PASSWORD", "", "Password of that user."),
  natsToken: text("nats-token", "NATS_TOKEN", "", "Token of NATS."),
  natsCa: text(
    "nats-ca",
    "NATS_CA",
    "",
    "File with the certificates of those who sign those of NATS servers.",
  ),
  natsCert: text(
    "nats-cert",
    "NATS_CERT",
    "",
    "File with our certificate, for NATS servers that verify clients.",
  ),
  natsKey: text("nats-key", "NATS_KEY", "", "File with the key of that certificate."),
  natsSecretDir: text(
    "nats-secret-dir",
    "NATS_SECRET_DIR",
    "",
    "Folder with any of the files `nats.creds`, `nats.nk`, `user` and `password`, `token`, `ca.crt`, `tls.crt` and " +
      "`tls.key`, as a mounted Secret is; each stands for its setting where that says nothing.",
  ),
  natsTlsFirst: boolean(
    "nats-tlsfirst",
    "NATS_TLS_FIRST",
    false,
    "TLS from the first byte, for `handshake_first`.",
  ),
  natsInboxPrefix: text(
    "nats-inbox-prefix",
    "NATS_INBOX_PREFIX",
    "_INBOX",
    "Begins the subjects that answers of NATS come to; the user must be allowed to subscribe to it and `.>`.",
  ),
  natsConnectTimeoutMs: number(
    "nats-connect-timeout",
    "PERDURE_NATS_CONNECT_TIMEOUT_MS",
    5_000,
    "ms",
    [1, DAY_MS],
    "How long connecting to one NATS server may take.",
  ),
  natsRequestTimeoutMs: number(
    "nats-request-timeout",
    "PERDURE_NATS_REQUEST_TIMEOUT_MS",
    5_000,
    "ms",
    [1, DAY_MS],
    "How long an answer of NATS is waited for.",
  ),
  natsReconnectDelayMs: number(
    "nats-reconnect-delay",
    "PERDURE_NATS_RECONNECT_DELAY_MS",
    250,
    "ms",
    [1, DAY_MS],
    "Pause between two attempts to get a lost connection to NATS back; up to as much again is added at random.",
  ),
  natsPingIntervalMs: number(
    "nats-ping-interval",
    "PERDURE_NATS_PING_INTERVAL_MS",
    5_000,
    "ms",
    [1, DAY_MS],
    "How often NATS is asked for a sign of life; a connection on which two are missing is given up.",
  ),
  appendDeadlineMs: number(
    "append-deadline",
    "PERDURE_APPEND_DEADLINE_MS",
    20_000,
    "ms",
    [1, DAY_MS],
    "How long an append is tried while NATS cannot store it or does not answer; then `LOG_UNAVAILABLE`, or " +
      "`OUTCOME_UNKNOWN` if it may be stored. An election in its cluster takes four to nine seconds.",
  ),
  readDeadlineMs: number(
    "read-deadline",
    "PERDURE_READ_DEADLINE_MS",
    10_000,
    "ms",
    [1, DAY_MS],
    "How long a read is tried while NATS does not answer; then `LOG_UNAVAILABLE`.",
  ),
  maxAppendsInFlight: number(
    "max-appends-in-flight",
    "PERDURE_MAX_APPENDS_IN_FLIGHT",
    1_024,
    "appends",
    [1, 100_000],
    "Appends that are with NATS at the same time; further ones wait.",
  ),
  maxReadsInFlight: number(
    "max-reads-in-flight",
    "PERDURE_MAX_READS_IN_FLIGHT",
    32,
    "reads",
    [1, 10_000],
    "Requests to read that are with NATS at the same time; further ones wait.",
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
    262_144,
    "bytes",
    [1_024, 64 * MIB],
    "Largest packed history, with its snapshot; a longer one is read record by record.",
  ),
} as const;

/** The settings of the event log. */
export const LOG_SETTINGS = {
  log: text(
    "log",
    "PERDURE_LOG",
    "sqlite:.perdure/log.db",
    "The event log: `sqlite:PATH` (durable, one process), `nats://HOST:PORT/PREFIX` (JetStream, any number of " +
      "processes; several servers with commas between them; `tls://` demands TLS) or `memory:` (lost at the end, for tests).",
  ),
  ...LOG_DETAIL_SETTINGS,
  ...NATS_SETTINGS,
} as const;

export type LogOptions = Values<typeof LOG_SETTINGS>;

/**
 * Translates the settings into the options of `pkg/eventlog`.
 *
 * @throws SettingError if the settings of NATS contradict each other.
 */
export function logOptions(
  options: LogOptions,
): Pick<EventLogDependencies, "memory" | "sqlite" | "jetstream"> {
  const { maxRecordBytes, maxPendingAppends, maxPendingBytes, maxMemoryLogBytes } = options;
  const checks = checkSettings(options);
  const isNats = /^(nats|tls):/.test(options.log);
  return {
    memory: { maxRecordBytes, maxBytes: maxMemoryLogBytes },
    sqlite: { maxRecordBytes, maxPendingAppends, maxPendingBytes, ...checks },
    // Read only for a log on NATS, because with another log the `NATS_*` variables may be meant for other programs.
    ...(isNats && { jetstream: jetStreamOptions(withSecretFolder(options)) }),
  };
}

function checkSettings({ logCheckIntervalMs, logCheckTimeoutMs }: LogOptions): HealthSettings {
  return { checkIntervalMs: logCheckIntervalMs, checkTimeoutMs: logCheckTimeoutMs };
}

function jetStreamOptions(options: LogOptions): Partial<JetStreamLogOptions> {
  const { natsTlsFirst: first, natsCa, natsCert, natsKey } = options;
  if ((natsCert === "") !== (natsKey === "")) {
    throw new SettingError("NATS_CERT and NATS_KEY: a certificate and its key belong together, set both");
  }
  const { logStreams: streams } = options;
  if (![0, 1, 2, 4, 8, 16].includes(streams)) {
    throw new SettingError(`PERDURE_LOG_STREAMS=${streams}: must be one of 1, 2, 4, 8, 16, or 0`);
  }
  return {
    maxRecordBytes: options.maxRecordBytes,
    maxPendingAppends: options.maxPendingAppends,
    maxPendingBytes: options.maxPendingBytes,
    maxInFlight: options.maxAppendsInFlight,
    maxReadsInFlight: options.maxReadsInFlight,
    ...checkSettings(options),
    packRecords: options.packRecords,
    maxPackBytes: options.maxPackBytes,
    credentials: credentialsOf(options),
    tls: {
      required: false,
      first,
      ...(natsCa !== "" && { caFile: natsCa }),
      ...(natsCert !== "" && { certFile: natsCert, keyFile: natsKey }),
    },
    inboxPrefix: options.natsInboxPrefix,
    connectTimeoutMs: options.natsConnectTimeoutMs,
    requestTimeoutMs: options.natsRequestTimeoutMs,
    appendDeadlineMs: options.appendDeadlineMs,
    readDeadlineMs: options.readDeadlineMs,
    reconnectDelayMs: options.natsReconnectDelayMs,
    reconnectJitterMs: options.natsReconnectDelayMs,
    pingIntervalMs: options.natsPingIntervalMs,
    durability: options.logDurability === "strict" ? "strict" : "relaxed",
    serversSync: options.logServersSync,
    replicas: options.logReplicas,
    ...(streams > 0 && { streams }),
    ...(options.logMaxBytes > 0 && { maxStreamBytes: options.logMaxBytes }),
  };
}

function credentialsOf({
  natsCreds,
  natsNkey,
  natsUser,
  natsPassword,
  natsToken,
}: LogOptions): NatsCredentials {
  const given = Object.entries({
    NATS_CREDS: natsCreds,
    NATS_NKEY: natsNkey,
    NATS_USER: natsUser,
    NATS_TOKEN: natsToken,
  })
    .filter(([, value]) => value !== "")
    .map(([name]) => name);
  if (given.length > 1) throw new SettingError(`${given.join(", ")}: only one of them can say who we are`);
  if (natsPassword !== "" && natsUser === "") throw new SettingError("NATS_PASSWORD: needs NATS_USER");
  if (natsCreds !== "") return { kind: "creds", path: natsCreds };
  if (natsNkey !== "") return { kind: "nkey", path: natsNkey };
  if (natsUser !== "") return { kind: "password", user: natsUser, password: natsPassword };
  return natsToken === "" ? { kind: "none" } : { kind: "token", token: natsToken };
}
