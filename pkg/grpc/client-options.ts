// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../base/mod.ts";
import { Account } from "../base/mod.ts";

import { DEFAULT_MAX_RECEIVE_BYTES } from "./framing.ts";
import { DEFAULT_MAX_SEND_BUFFER_BYTES } from "./message-writer.ts";

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  /** How long connecting may take, to the peer's settings, in milliseconds. Default 5,000. */
  readonly connectTimeoutMs?: number;
  /** After this long without an answer the peer is pinged, in milliseconds. Default 20,000. */
  readonly keepAliveIntervalMs?: number;
  /** A peer that leaves a ping unanswered for so long is dead, in milliseconds. Default 10,000. */
  readonly keepAliveTimeoutMs?: number;
  /** How long running calls have to finish after `close` or the peer's GOAWAY, in milliseconds. Default 5,000. */
  readonly closeTimeoutMs?: number;
  /** Largest message that is taken, in bytes, also when unpacked. Default 12 MiB. */
  readonly maxReceiveBytes?: number;
  /** The account for messages that have not arrived whole. Default: a new account of 256 MiB. */
  readonly memory?: Account;
  /** Most bytes that wait to be sent on one stream. Default 32 MiB. */
  readonly maxSendBufferBytes?: number;
}

export type ResolvedConnectOptions = Required<ConnectOptions>;

export function resolveConnectOptions(options: ConnectOptions): ResolvedConnectOptions {
  return {
    connectTimeoutMs: 5_000,
    keepAliveIntervalMs: 20_000,
    keepAliveTimeoutMs: 10_000,
    closeTimeoutMs: 5_000,
    maxReceiveBytes: DEFAULT_MAX_RECEIVE_BYTES,
    memory: new Account(268_435_456),
    maxSendBufferBytes: DEFAULT_MAX_SEND_BUFFER_BYTES,
    ...options,
  };
}
