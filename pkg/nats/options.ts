// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../base/mod.ts";
import type { Telemetry } from "../telemetry/mod.ts";

export interface NatsTarget {
  /** `host:port` of a server, or of several, separated by commas. A server names the others of its cluster. */
  readonly server: string;
  /** What the server's monitoring calls the connection. */
  readonly name: string;
  /** What the connection is for. It begins the lines that are logged of it. */
  readonly purpose: string;
}

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
  /** The certificates of the CAs that may sign the server's certificate. Default: those that Node.js trusts. */
  readonly caFile?: string;
  /** Our certificate and its key, for servers that verify clients. */
  readonly certFile?: string;
  readonly keyFile?: string;
}

/** What a connection needs, besides the server. `NATS_SETTINGS` says more of the times. */
export interface NatsOptions {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** The files of these two are read again at each attempt to connect, so they can be replaced at any time. */
  readonly credentials: NatsCredentials;
  readonly tls: NatsTls;
  /** Prefix of the subjects that answers are sent to. The user must be permitted to subscribe to these. */
  readonly inboxPrefix: string;
  readonly connectTimeoutMs: number;
  /** How long each message of an answer is waited for, in milliseconds. */
  readonly requestTimeoutMs: number;
  readonly reconnectDelayMs: number;
  /** Largest random addition to that pause, so that not all clients reconnect together, in milliseconds. */
  readonly reconnectJitterMs: number;
  /** How often the server is pinged, in milliseconds; two unanswered pings end the connection. */
  readonly pingIntervalMs: number;
}
