// SPDX-License-Identifier: Apache-2.0

import type { Http2Session, ServerOptions } from "node:http2";

import type { Clock } from "../base/mod.ts";
import type { Telemetry, TraceContext } from "../telemetry/mod.ts";

import type { CallerAccounts } from "./caller.ts";
import type { CallProtocol, EndedCall } from "./ended-call.ts";
import { DEFAULT_MAX_RECEIVE_BYTES } from "./framing.ts";
import { CONNECTION_WINDOW_BYTES, STREAM_WINDOW_BYTES } from "./message-reader.ts";
import { DEFAULT_MAX_SEND_BUFFER_BYTES } from "./message-writer.ts";
import { DEFAULT_MAX_METADATA_BYTES } from "./metadata-headers.ts";
import type { MethodHandler } from "./server-call.ts";
import { DEFAULT_MAX_SMALL_PIECES } from "./small-pieces.ts";
import type { Status } from "./status.ts";

export interface GrpcServerOptions {
  /** The method of a path like `/package.Service/Method`, or undefined if there is none. */
  readonly lookup: (path: string) => MethodHandler | undefined;
  readonly clock: Clock;
  /** Logs the failures whose details callers do not get. */
  readonly telemetry: Telemetry;
  /** Largest message that is taken, in bytes, also when unpacked. Default 12 MiB. */
  readonly maxReceiveBytes?: number;
  /** The accounts of callers, if other protocols count in them too. Default: accounts of the two bounds below. */
  readonly accounts?: CallerAccounts;
  /** Memory of all calls, from the first byte of a request to the last of its response, in bytes. Default 96 MiB. */
  readonly maxBufferedBytes?: number;
  /** Most bytes that wait to be sent on one stream. Default 32 MiB. */
  readonly maxSendBufferBytes?: number;
  /** Most metadata that is sent with one answer, in bytes. Default 16 KiB. */
  readonly maxMetadataBytes?: number;
  /** Calls that may be open at a time, on all connections together. Default 10,000. */
  readonly maxOpenCalls?: number;
  /** Small pieces that one connection may send at once. Default 2,000. */
  readonly maxSmallPieces?: number;
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
  /** As `onEnd`, for those who only count: no object is made for it. Default: nothing is called. */
  readonly onStatus?: StatusListener | undefined;
}

/** @param span the one that the method made for the call (`ServerCall.inSpan`); undefined: none. */
type StatusListener = (protocol: CallProtocol, status: Status, tookMs: number, span?: TraceContext) => void;

export type ResolvedGrpcServerOptions = Required<Omit<GrpcServerOptions, "accounts" | "onEnd" | "onStatus">> &
  Pick<GrpcServerOptions, "onEnd" | "onStatus">;

export function resolveServerOptions(options: GrpcServerOptions): ResolvedGrpcServerOptions {
  return {
    maxReceiveBytes: DEFAULT_MAX_RECEIVE_BYTES,
    maxBufferedBytes: 100_663_296,
    maxSendBufferBytes: DEFAULT_MAX_SEND_BUFFER_BYTES,
    maxMetadataBytes: DEFAULT_MAX_METADATA_BYTES,
    maxOpenCalls: 10_000,
    maxSmallPieces: DEFAULT_MAX_SMALL_PIECES,
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
      maxHeaderListSize: 24_576,
      initialWindowSize: STREAM_WINDOW_BYTES,
    },
    maxHeaderListPairs: 128,
    maxSettings: 32,
    maxOutstandingPings: 10,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: limits.maxRejectedStreams ?? 100,
    streamResetBurst: 1_000,
    streamResetRate: 100,
    // Otherwise nghttp2 silently drops a field with a blank at an edge, and an idempotency key must not be lost (I7).
    strictFieldWhitespaceValidation: false,
    // In megabytes. Must hold several of the largest answers, because bytes that wait to be sent count too.
    maxSessionMemory: 128,
  };
}

/** Settings that Node takes per session only; for the server's `session` event. */
export function tuneServerSession(session: Http2Session): void {
  session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
}
