// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders } from "node:http2";

import type { Charge } from "../base/mod.ts";
import type { TraceContext } from "../telemetry/mod.ts";

import type { Metadata } from "./metadata.ts";
import type { StatusError } from "./status.ts";

/** Handles the calls of one method at a server. */
export type MethodHandler = UnaryMethod | BidiMethod;

/** One message in, one message out. */
export interface UnaryMethod {
  readonly kind: "unary";
  /** Whether it is a health check, which is answered out of a reserve while all other calls are refused. */
  readonly isReserved?: boolean;
  /**
   * Answers a request. The request's bytes may be a view of a larger buffer: copy what is kept for long.
   * A `StatusError` that it throws goes to the caller; anything else is only logged, and the caller gets INTERNAL.
   */
  handle(request: Uint8Array, call: ServerCall): Promise<Uint8Array>;
}

/** Any number of messages in both directions; server and client streaming are special cases of it. */
export interface BidiMethod {
  readonly kind: "bidi";
  /** The caller sends exactly one message, which must arrive as soon as that of a unary method. Default: false. */
  readonly takesOne?: boolean;
  readonly isReserved?: undefined;
  /** Must end the call with `end` or `fail`. A throw or a rejected promise does the same as with a unary method. */
  handle(call: ServerStreamCall): void | Promise<void>;
}

/** A call as its method sees it: what the caller sent, and what the method may send beside the answer. */
export interface ServerCall {
  readonly path: string;
  /**
   * The call's share of its caller's memory, closed when the call is over and its response sent. Until then it
   * includes the bytes of a unary request. Of a streamed request it includes only what the method has counted itself.
   */
  readonly bytes: Charge;
  /** All headers of the call, as Node gives them. */
  readonly headers: IncomingHttpHeaders;
  /** The same as a flat list of names and values, in the order in which they came. */
  readonly rawHeaders: readonly string[];
  /** The caller's metadata. Parsed at its first use. */
  readonly metadata: Metadata;
  /** When the caller stops waiting, on the clock's monotonic time in milliseconds; undefined: never. */
  readonly deadlineMs: number | undefined;
  /** Whether the caller has gone, or its time is over. */
  readonly cancelled: boolean;
  /** Calls the listener when the caller goes away before its answer, or its deadline passes; at once, if it has. */
  onCancel(listener: () => void): void;
  /** The same as a signal. Created at its first use. */
  readonly signal: AbortSignal;
  /** Goes to the caller before the first message. Later changes are lost. */
  readonly responseMetadata: Metadata;
  /** Goes to the caller with the status. */
  readonly trailers: Metadata;
  /** The method has made this span for the call. Those who measure calls get it (`onStatus`). */
  inSpan(span: TraceContext): void;
}

/** Callbacks for what the caller of a streamed method sends. */
export interface ServerStreamHandlers {
  onMessage(bytes: Uint8Array): void;
  /** The caller will send no further message. It still waits for the end. */
  onHalfClose(): void;
}

export interface ServerStreamCall extends ServerCall {
  /** Whether the call has ended, from whichever side: nothing more will be sent. */
  readonly over: boolean;
  /** Begins to read the caller's messages. Until then flow control holds the caller. To be called once. */
  receive(handlers: ServerStreamHandlers): void;
  /** Sends a message, whose bytes may not be changed afterwards. False: the method should wait for `drained`. */
  send(bytes: Uint8Array): boolean;
  /** Resolves when `send` would return true, or the call is over. */
  drained(): Promise<void>;
  pause(): void;
  resume(): void;
  /** Ends the call with OK. */
  end(): void;
  /** Ends the call with a status. */
  fail(error: StatusError): void;
}
