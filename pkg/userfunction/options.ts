// SPDX-License-Identifier: Apache-2.0

import type { BackoffOptions } from "../base/mod.ts";

/** How the proxy reaches its user function. `docs/configuration.md` says how to set each. */
export interface UserFunctionOptions {
  readonly host: string;
  readonly port: number;
  /** Refuse a user function that speaks another protocol version; if false, the proxy only logs a warning. */
  readonly protocolCheck: boolean;
  /** How long connecting may take, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** How long the user function may take to answer discovery, in milliseconds. */
  readonly discoveryTimeoutMs: number;
  /** Pauses between tries to connect to the user function. */
  readonly backoff: BackoffOptions;
  /** Largest message that is taken from the user function, in bytes. */
  readonly maxReceiveBytes: number;
  /** Fields of its answer to discovery, and of the descriptors in that, if it has more than 64 KiB. */
  readonly maxMessageFields: number;
  /** Silence after which the user function is asked whether it is still there, in milliseconds. */
  readonly keepAliveIntervalMs: number;
  /** How long its answer to that may take, in milliseconds. */
  readonly keepAliveTimeoutMs: number;
  /** Streams that it serves at a time, one for each entity in memory. 0: as many as its HTTP/2 settings allow. */
  readonly maxStreams: number;
  /**
   * How long a new stream may be without an answer before the user function is asked whether it takes calls, in
   * milliseconds.
   */
  readonly streamSilenceMs: number;
  /** How long a command waits until the user function can take another stream, in milliseconds. */
  readonly streamWaitMs: number;
}

export const DEFAULT_USER_FUNCTION_OPTIONS: UserFunctionOptions = {
  host: "127.0.0.1",
  port: 8080,
  protocolCheck: true,
  connectTimeoutMs: 5_000,
  discoveryTimeoutMs: 10_000,
  // Cloudstate waits a second between tries. Here they begin sooner, because the container may be just starting. With
  // this growth it is found within a tenth of the time that it took to start.
  backoff: { minMs: 25, maxMs: 10_000, growth: 1.1, jitter: 0.2 },
  maxReceiveBytes: 12_582_912,
  maxMessageFields: 100_000,
  keepAliveIntervalMs: 20_000,
  keepAliveTimeoutMs: 10_000,
  maxStreams: 0,
  streamSilenceMs: 1_000,
  streamWaitMs: 10_000,
};
