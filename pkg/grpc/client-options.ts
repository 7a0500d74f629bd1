// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../base/mod.ts";
import { Account } from "../base/mod.ts";

import { DEFAULT_MAX_RECEIVE_BYTES } from "./framing.ts";
import { STREAM_WINDOW_BYTES } from "./message-reader.ts";
import { DEFAULT_MAX_SEND_BUFFER_BYTES } from "./message-writer.ts";
import { DEFAULT_MAX_METADATA_BYTES } from "./metadata-headers.ts";

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
  /** Most metadata that is sent or taken with a call in one direction, in bytes. Default 16 KiB. */
  readonly maxMetadataBytes?: number;
  /** What the peer may send ahead on one stream, in bytes. Default 64 KiB. */
  readonly streamWindowBytes?: number;
  /** What the peer may send ahead on all streams together, in bytes. Default 16 MiB. */
  readonly connectionWindowBytes?: number;
  /** Streams that may be reset at once, and then in each second; further ones are reset later. Default 500 and 25. */
  readonly resetBurst?: number;
  readonly resetsPerSecond?: number;
  /** How this side calls itself. Default "perdure". */
  readonly userAgent?: string;
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
    maxMetadataBytes: DEFAULT_MAX_METADATA_BYTES,
    streamWindowBytes: STREAM_WINDOW_BYTES,
    connectionWindowBytes: 16_777_216,
    // Half of what Node's own server takes before it ends the connection.
    resetBurst: 500,
    resetsPerSecond: 25,
    userAgent: "perdure",
    ...options,
  };
}
