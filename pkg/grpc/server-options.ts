// SPDX-License-Identifier: Apache-2.0

import type { Http2Session, ServerOptions } from "node:http2";

import type { Clock, Logger } from "../base/mod.ts";
import { silentLogger } from "../base/mod.ts";

import type { CallerAccounts } from "./caller.ts";
import type { EndedCall } from "./ended-call.ts";
import { DEFAULT_MAX_RECEIVE_BYTES } from "./framing.ts";
import { STREAM_WINDOW_BYTES } from "./message-reader.ts";
import { DEFAULT_MAX_SEND_BUFFER_BYTES } from "./message-writer.ts";
import { DEFAULT_MAX_METADATA_BYTES } from "./metadata-headers.ts";
import type { MethodHandler } from "./server-call.ts";

export interface GrpcServerOptions {
  /** The method of a path like `/package.Service/Method`, or undefined if there is none. */
  readonly lookup: (path: string) => MethodHandler | undefined;
  readonly clock: Clock;
  /** Logs the failures whose details callers do not get. Default: not logged. */
  readonly logger?: Logger;
  /** Largest message that is taken, in bytes, also when unpacked. Default 12 MiB. */
  readonly maxReceiveBytes?: number;
  /** The accounts of callers, if other protocols count in them too. Default: accounts of the two bounds below. */
  readonly accounts?: CallerAccounts;
  /**
   * Memory of all calls together, in bytes, from the first byte of a request to the last of its response. Default 96
   * MiB.
   */
  readonly maxBufferedBytes?: number;
  /** Most bytes that wait to be sent on one stream. Default 32 MiB. */
  readonly maxSendBufferBytes?: number;
  /** Most metadata that is sent with one answer, in bytes. Default 16 KiB. */
  readonly maxMetadataBytes?: number;
  /** Calls that may be open at a time, on all connections together. Default 10,000. */
  readonly maxOpenCalls?: number;
  /** How long a call may be open without a byte of a message, in milliseconds. Default 10,000. */
  readonly firstMessageTimeoutMs?: number;
  /** The same of a call whose caller sends a stream of messages, in milliseconds. Default 300,000. */
  readonly firstStreamMessageTimeoutMs?: number;
  /** How long a unary request may take to arrive whole, in milliseconds. Default 60,000. */
  readonly requestTimeoutMs?: number;
  /** Answers longer than this many bytes are packed with gzip for callers who pack their requests. Default 1,024. */
  readonly compressAboveBytes?: number;
  /** Called with each call that is over. Default: nothing is called, which costs nothing. */
  readonly onEnd?: ((call: EndedCall) => void) | undefined;
}

export type ResolvedGrpcServerOptions = Required<Omit<GrpcServerOptions, "accounts" | "onEnd">> &
  Pick<GrpcServerOptions, "onEnd">;

export function resolveServerOptions(options: GrpcServerOptions): ResolvedGrpcServerOptions {
  return {
    logger: silentLogger,
    maxReceiveBytes: DEFAULT_MAX_RECEIVE_BYTES,
    maxBufferedBytes: 100_663_296,
    maxSendBufferBytes: DEFAULT_MAX_SEND_BUFFER_BYTES,
    maxMetadataBytes: DEFAULT_MAX_METADATA_BYTES,
    maxOpenCalls: 10_000,
    firstMessageTimeoutMs: 10_000,
    firstStreamMessageTimeoutMs: 300_000,
    requestTimeoutMs: 60_000,
    compressAboveBytes: 1_024,
    ...options,
  };
}

export interface Http2ServerLimits {
  /** Streams that one client may have open at a time. Default 100, which clients assume at first (RFC 9113, 6.5.2). */
  readonly maxConcurrentStreams?: number;
  /** Streams beyond those that one client may try to open before its connection is ended. Default 100. */
  readonly maxRejectedStreams?: number;
  /** Largest header list that is taken, in bytes as HTTP/2 counts them. Default 24 KiB. */
  readonly maxHeaderListBytes?: number;
  /** What a client may send ahead on one stream, in bytes. Default 64 KiB. */
  readonly streamWindowBytes?: number;
  /** What a client may send ahead on all its streams together, in bytes. Default 16 MiB. */
  readonly connectionWindowBytes?: number;
  /** Streams that one client may reset at once, and then each second. Default 1,000 and 100. */
  readonly streamResetBurst?: number;
  readonly streamResetsPerSecond?: number;
}

/**
 * Options for `http2.createServer` that limit hostile clients: bounds on header lists (CONTINUATION floods), resets
 * (rapid reset), invalid and refused frames, and memory. For PING and SETTINGS floods, nghttp2 itself has a bound
 * (1,000 unsent acknowledgements).
 */
export function http2ServerOptions(limits: Http2ServerLimits = {}): ServerOptions {
  return {
    settings: {
      enablePush: false,
      maxConcurrentStreams: limits.maxConcurrentStreams ?? 100,
      maxHeaderListSize: limits.maxHeaderListBytes ?? 24_576,
      initialWindowSize: limits.streamWindowBytes ?? STREAM_WINDOW_BYTES,
    },
    maxHeaderListPairs: 128,
    maxSettings: 32,
    maxOutstandingPings: 10,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: limits.maxRejectedStreams ?? 100,
    streamResetBurst: limits.streamResetBurst ?? 1_000,
    streamResetRate: limits.streamResetsPerSecond ?? 100,
    // Otherwise nghttp2 silently drops a field with a blank at an edge, and an idempotency key must not be lost (I7).
    strictFieldWhitespaceValidation: false,
    // In megabytes. Must hold several of the largest answers, because bytes that wait to be sent count too.
    maxSessionMemory: 128,
  };
}

/** Settings that Node takes per session only; for the server's `session` event. */
export function tuneServerSession(session: Http2Session, limits: Http2ServerLimits = {}): void {
  session.setLocalWindowSize(limits.connectionWindowBytes ?? 16_777_216);
}
