// SPDX-License-Identifier: Apache-2.0

import type { Clock, Logger, Random } from "../../base/mod.ts";
import { silentLogger, systemClock, systemRandom } from "../../base/mod.ts";
import type { NatsCredentials, NatsTls } from "../../nats/mod.ts";

import type { HealthSettings } from "../health.ts";
import { defaultHealthSettings } from "../health.ts";
import type { LogLimits } from "../limits.ts";
import { defaultLimits } from "../limits.ts";

/** Where a log on JetStream is. */
export interface JetStreamAddress {
  /** `host:port` of a server, or of several, separated by commas. A server names the others of its cluster. */
  readonly server: string;
  /** Begins the names of the streams and subjects, so that several logs fit into one account. */
  readonly prefix: string;
}

/**
 * What an acknowledgement has to survive. `relaxed`: the end of the server's process. `strict`: also that of its
 * machine; each server that holds a copy must have synced it.
 */
export type DurabilityDemand = "relaxed" | "strict";

/**
 * Settings of the log on JetStream; each has a default. The default of `pageRecords` is 2,048, so that a page holds a
 * pack.
 */
export interface JetStreamLogOptions extends LogLimits, HealthSettings, StreamSettings {
  readonly clock: Clock;
  readonly logger: Logger;
  /** True: a log that is not there is refused with `LOG_UNUSABLE`, and not made. Default false. */
  readonly mustExist: boolean;
  /** Source of the random part of pauses between tries. Default: Node's. */
  readonly random: Random;
  /** Default: none. Files are read again at each attempt to connect, so they can be replaced at any time. */
  readonly credentials: NatsCredentials;
  /** Default: TLS if the server demands it. Files are read again at each attempt to connect. */
  readonly tls: NatsTls;
  /**
   * Prefix of the subjects that answers are sent to. The user needs permission to subscribe to these only. Default
   * `_INBOX`.
   */
  readonly inboxPrefix: string;
  /** Most appends and snapshots that wait or are under way; more get `LOG_OVERLOADED`. Default 16,384. */
  readonly maxPendingAppends: number;
  /** Most bytes of them. Default 64 MiB; one record is taken whatever its size if nothing else waits. */
  readonly maxPendingBytes: number;
  /** Most publishes that are with the server at once; the others wait for their turn. Default 1,024. */
  readonly maxInFlight: number;
  /** Most requests to read that are with the server at once; the others wait for their turn. Default 32. */
  readonly maxReadsInFlight: number;
  /** Most reads that are under way or wait; more get `LOG_OVERLOADED`. Default 65,536. */
  readonly maxPendingReads: number;
  /** A history is packed when at least this many of its records are not packed yet. Default 8. */
  readonly packRecords: number;
  /**
   * Largest pack (a copy of a history in one message), in bytes. A longer history is not packed, unless its user
   * function takes snapshots. Default 256 KiB. A pack is also at most one page, of `pageRecords`.
   */
  readonly maxPackBytes: number;
  /** How long connecting may take, in milliseconds. Default 5,000. */
  readonly connectTimeoutMs: number;
  /** How long an answer of the server is waited for, in milliseconds. Default 5,000. */
  readonly requestTimeoutMs: number;
  /**
   * How long an append is retried while the log cannot be written or does not answer, in milliseconds. After that,
   * the last try is still awaited and looked up, up to `requestTimeoutMs` for each. An election takes four to nine
   * seconds. Default 20,000.
   */
  readonly appendDeadlineMs: number;
  /**
   * How long a request to read is retried while the log does not answer, in milliseconds. The answer to the last try
   * is still awaited. Default 10,000.
   */
  readonly readDeadlineMs: number;
  /** Pause between two attempts to get the connection back, in milliseconds. Default 250. */
  readonly reconnectDelayMs: number;
  /**
   * Largest random addition to that pause, so that not all clients reconnect together, in milliseconds. Default 250.
   */
  readonly reconnectJitterMs: number;
  /** How often the server is pinged, in milliseconds; two unanswered pings end the connection. Default 5,000. */
  readonly pingIntervalMs: number;
  /**
   * How often the server sends a heartbeat to a tail that waits for records, in milliseconds. After four of these
   * intervals in silence the tail replaces its consumer. Default 5,000.
   */
  readonly tailHeartbeatMs: number;
}

/**
 * Settings for making streams that do not exist yet. Streams that exist keep their own settings, if those are
 * sufficient.
 */
export interface StreamSettings {
  /** Streams for the events of a new log: 1, 2, 4, 8 or 16. A log that is there keeps the number it has. Default 4. */
  readonly streams?: number;
  /** The least number of servers that hold a copy. Default 1. */
  readonly replicas: number;
  /** Default `relaxed`. */
  readonly durability: DurabilityDemand;
  /**
   * True: the operator states that all servers sync each write. Needed for `strict` if no server carries the tag
   * `sync:always`, because a server does not tell its setting. Default false.
   */
  readonly serversSync: boolean;
  /**
   * Largest size of each stream of events, in bytes; an append beyond it gets `LOG_FULL`. Default: as much as the
   * server allows.
   */
  readonly maxStreamBytes?: number;
}

export const defaultJetStreamOptions: JetStreamLogOptions = {
  ...defaultLimits,
  ...defaultHealthSettings,
  pageRecords: 2_048,
  clock: systemClock,
  logger: silentLogger,
  mustExist: false,
  random: systemRandom,
  credentials: { kind: "none" },
  tls: { required: false, first: false },
  inboxPrefix: "_INBOX",
  replicas: 1,
  durability: "relaxed",
  serversSync: false,
  maxPendingAppends: 16_384,
  maxPendingBytes: 64 * 1024 * 1024,
  maxInFlight: 1_024,
  maxReadsInFlight: 32,
  maxPendingReads: 65_536,
  packRecords: 8,
  maxPackBytes: 256 * 1024,
  connectTimeoutMs: 5_000,
  requestTimeoutMs: 5_000,
  appendDeadlineMs: 20_000,
  readDeadlineMs: 10_000,
  reconnectDelayMs: 250,
  reconnectJitterMs: 250,
  pingIntervalMs: 5_000,
  tailHeartbeatMs: 5_000,
};
