// SPDX-License-Identifier: Apache-2.0

import { silentLogger, systemClock, systemRandom } from "../../base/mod.ts";
import type { Clock, Logger, Random } from "../../base/mod.ts";
import { defaultHealthSettings } from "../health.ts";
import type { HealthSettings } from "../health.ts";
import { defaultLimits } from "../limits.ts";
import type { LogLimits } from "../limits.ts";

/** Where a log on JetStream is. */
export interface JetStreamAddress {
  /** `host:port` of a server, or of several, separated by commas. A server names the others of its cluster. */
  readonly server: string;
  /** Begins the names of the streams and subjects, so that several logs fit into one account. */
  readonly prefix: string;
}

/** Who we are to the server. */
export type NatsCredentials =
  | { readonly kind: "none" }
  | { readonly kind: "password"; readonly user: string; readonly password: string }
  | { readonly kind: "token"; readonly token: string }
  /** A file with the seed of an NKey, `SU…`. */
  | { readonly kind: "nkey"; readonly path: string }
  /** A file with a JWT and the seed of its NKey, as `nsc` writes it (`.creds`). */
  | { readonly kind: "creds"; readonly path: string };

/** How the connection is protected. Certificates and keys are files in PEM. */
export interface NatsTls {
  /** True: a server without TLS is refused. Otherwise TLS is used if the server demands it or a file is named. */
  readonly required: boolean;
  /** True: TLS from the first byte on, as servers with `handshake_first` want it. */
  readonly first: boolean;
  /** Who signs the server's certificate. Default: whom Node.js trusts. */
  readonly caFile?: string;
  /** Our certificate and its key, for servers that verify clients. */
  readonly certFile?: string;
  readonly keyFile?: string;
}

/**
 * What an acknowledgement has to survive. `relaxed`: the end of the server's process. `strict`: also that of its
 * machine; each server that holds a copy must have synced it.
 */
export type DurabilityDemand = "relaxed" | "strict";

/** Settings of the log on JetStream; each has a default. That of `pageRecords` is 2,048, so that a page holds a pack. */
export interface JetStreamLogOptions extends LogLimits, HealthSettings, StreamSettings {
  readonly clock: Clock;
  readonly logger: Logger;
  /** True: a log that is not there is refused with `LOG_UNUSABLE`, and not made. Default false. */
  readonly mustExist: boolean;
  /** Spreads tries over time. Default: Node's. */
  readonly random: Random;
  /** Default: none. Files are read again at each attempt to connect, so they can be replaced at any time. */
  readonly credentials: NatsCredentials;
  /** Default: TLS if the server demands it. Files are read again at each attempt to connect. */
  readonly tls: NatsTls;
  /** Begins the subjects that answers come to; only they have to be permitted. Default `_INBOX`. */
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
  /** A history is packed when at least so many of its records are not. Default 8. */
  readonly packRecords: number;
  /**
   * Largest pack, in bytes: a history that is longer is not packed, unless its user function takes snapshots. Default
   * 256 KiB. A pack is also at most one page, of `pageRecords`.
   */
  readonly maxPackBytes: number;
  /** How long connecting may take, in milliseconds. Default 5,000. */
  readonly connectTimeoutMs: number;
  /** How long an answer of the server is waited for, in milliseconds. Default 5,000. */
  readonly requestTimeoutMs: number;
  /**
   * How long an append is tried while the log cannot be written or does not answer, in milliseconds; what was sent last
   * is still waited for and looked up, `requestTimeoutMs` for each. An election takes four to nine seconds. Default 20,000.
   */
  readonly appendDeadlineMs: number;
  /**
   * How long a request to read is tried while the log does not answer, in milliseconds; the last try is still waited
   * for. Default 10,000.
   */
  readonly readDeadlineMs: number;
  /** Pause between two attempts to get the connection back, in milliseconds. Default 250. */
  readonly reconnectDelayMs: number;
  /** Up to this is added to that pause at random, so that not all come back together, in milliseconds. Default 250. */
  readonly reconnectJitterMs: number;
  /** The server is asked for a sign of life this often, in milliseconds; twice unanswered ends the connection. Default 5,000. */
  readonly pingIntervalMs: number;
  /**
   * A tail that waits for records hears of the server this often, in milliseconds; after four of these in silence it
   * gives its consumer up for another. Default 5,000.
   */
  readonly tailHeartbeatMs: number;
}

/** How streams are made that are not there yet. Those that are there keep what they have, if it is enough. */
export interface StreamSettings {
  /** Streams for the events of a new log: 1, 2, 4, 8 or 16. A log that is there keeps the number it has. Default 4. */
  readonly streams?: number;
  /** Servers that hold a copy, at least. Default 1. */
  readonly replicas: number;
  /** Default `relaxed`. */
  readonly durability: DurabilityDemand;
  /**
   * True: the operator says that all servers sync each write. Needed for `strict` where no server is there that carries
   * the tag `sync:always`, since a server does not tell. Default false.
   */
  readonly serversSync: boolean;
  /** Largest size of each stream of events, in bytes; an append beyond it gets `LOG_FULL`. Default: what the server gives. */
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
