// SPDX-License-Identifier: Apache-2.0

import type { JsonLimits } from "./json/limits.ts";

/** Where the public port is and what it bounds (I11). Sizes are in bytes, times in milliseconds. */
export interface EndpointOptions extends JsonLimits {
  /** 0 takes any free port. */
  readonly port: number;
  /** The address to listen on; undefined is every address of the machine. */
  readonly host: string | undefined;
  /** The largest body of an HTTP request and message of a gRPC call. */
  readonly maxRequestBytes: number;
  /**
   * Memory of all requests and their responses, of all callers, from the first byte that arrives to the last that a
   * peer takes.
   */
  readonly maxBufferedBytes: number;
  /** The request line and headers of one HTTP/1.1 request. */
  readonly maxHeaderBytes: number;
  /** Open connections; beyond it, idle ones are closed for new ones, and new ones refused if none is idle. */
  readonly maxConnections: number;
  /** Requests that are being answered; more get ENDPOINT_OVERLOADED or TOO_MANY_CALLS. */
  readonly maxOpenRequests: number;
  /** Streams of one HTTP/2 connection. */
  readonly maxConnectionStreams: number;
  /** From the first byte, or from the opening of a connection, to the end of the headers. */
  readonly headersTimeoutMs: number;
  /** From the opening of a connection to its protocol's first bytes, and from those of HTTP/2 to its first request. */
  readonly firstRequestTimeoutMs: number;
  /** From the opening of a gRPC call to the first byte of a message. */
  readonly firstMessageTimeoutMs: number;
  /** The same for a call whose caller sends a stream of messages, also over a WebSocket. */
  readonly firstStreamMessageTimeoutMs: number;
  /**
   * How long a peer may read nothing of the data sent to it, plus one second for each `minWriteRate` bytes that its
   * connection holds.
   */
  readonly writeTimeoutMs: number;
  /** In bytes per second. */
  readonly minWriteRate: number;
  /** From the first byte to the end of the body. */
  readonly requestTimeoutMs: number;
  /** A connection without a request is closed after this: longer than proxies in front keep theirs (Envoy: an hour). */
  readonly idleTimeoutMs: number;
  /**
   * Silence after which an event stream gets a comment and a WebSocket a ping. A WebSocket that is silent as long
   * again is closed.
   */
  readonly streamKeepAliveMs: number;
  /** In UTF-16 code units. */
  readonly maxIdempotencyKeyLength: number;
  /** Origins whose pages may call from browsers, as `https://host[:port]`; `*` is every origin. */
  readonly corsOrigins: readonly string[];
}

export const DEFAULT_ENDPOINT_OPTIONS: EndpointOptions = {
  port: 9_000,
  host: undefined,
  maxRequestBytes: 12_582_912,
  maxBufferedBytes: 69_206_016,
  maxJsonValues: 100_000,
  maxJsonReplyBytes: 25_165_824,
  jsonTimeoutMs: 5_000,
  maxHeaderBytes: 16_384,
  maxConnections: 2_000,
  maxOpenRequests: 10_000,
  maxConnectionStreams: 100,
  headersTimeoutMs: 10_000,
  firstRequestTimeoutMs: 10_000,
  firstMessageTimeoutMs: 10_000,
  firstStreamMessageTimeoutMs: 300_000,
  writeTimeoutMs: 30_000,
  minWriteRate: 16_384,
  requestTimeoutMs: 60_000,
  idleTimeoutMs: 3_900_000,
  streamKeepAliveMs: 30_000,
  maxIdempotencyKeyLength: 256,
  corsOrigins: [],
};
