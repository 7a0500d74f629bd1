// SPDX-License-Identifier: Apache-2.0

import type { ClientHttp2Session, ClientHttp2Stream, Settings } from "node:http2";

import type { Timer } from "../base/mod.ts";

import { localEnd } from "./call-end.ts";
import type { ClientContext, ClientStream, StreamHandlers } from "./client-call.ts";
import { ClientCall } from "./client-call.ts";
import type { ResolvedConnectOptions } from "./client-options.ts";
import { ACCEPTED_ENCODINGS } from "./compression.ts";
import { cancelled, grpcError } from "./grpc-error.ts";
import { isOutOfStreams, lostConnectionError } from "./http2-error.ts";
import { KeepAlive } from "./keep-alive.ts";
import type { Metadata } from "./metadata.ts";
import { appendMetadata, DEFAULT_MAX_METADATA_BYTES } from "./metadata-headers.ts";
import { ResetPacer } from "./reset-pacer.ts";
import { Status, StatusError } from "./status.ts";
import { formatTimeout } from "./timeout.ts";
import type { UnaryReply } from "./unary-call.ts";
import { UnaryCollector } from "./unary-call.ts";

export interface CallOptions {
  readonly metadata?: Metadata;
  /** How long the call may take, in milliseconds. Default: for ever. */
  readonly timeoutMs?: number;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
  /** The same without the cost of a signal: called as the call begins, with a function that cancels the call. */
  readonly onCancel?: (cancel: () => void) => void;
}

/** Most paths whose header lists are cached. */
const MAX_KEPT_PATHS = 1_024;

const REQUEST_OPTIONS = { endStream: false };

/**
 * One connection to one peer, over which calls are made. It does not reconnect: its owner calls `connect` again.
 *
 * 1. Every call ends: with the peer's status, or with UNAVAILABLE when the connection is lost.
 * 2. No more streams are open than the peer allows. A further one is refused with `STREAM_LIMIT` rather than queued,
 *    because streams to entities may stay open for hours. `openStreams`, `maxStreams` and `onRoom` tell when there is
 *    room.
 * 3. After the peer's GOAWAY no call begins. Calls that run have `closeTimeoutMs` to finish, so that endless streams
 *    do not delay an owner that waits for `onClose` before it connects again.
 * 4. `onClose` listeners are called exactly once, after the calls have been closed.
 */
export class Connection {
  readonly #session: ClientHttp2Session;
  readonly #options: ResolvedConnectOptions;
  readonly #context: ClientContext;
  readonly #headersByPath = new Map<string, readonly string[]>();
  readonly #authority: string;
  #onRoom: () => void = () => undefined;
  /** Kept here, because Node's session forgets the peer's settings when it is destroyed, before its streams close. */
  #maxStreams = Number.POSITIVE_INFINITY;
  #openStreams = 0;
  /** Why the connection ends, if that is known before it has ended. */
  #reason: unknown;
  #closed = false;
  #closing: Timer | undefined;

  /** Takes a session whose peer has sent its settings. Use `connect`. */
  constructor(session: ClientHttp2Session, authority: string, options: ResolvedConnectOptions) {
    this.#session = session;
    this.#authority = authority;
    this.#options = options;
    this.#context = {
      options,
      keepAlive: new KeepAlive(session, options, () => this.#onDead()),
      resets: new ResetPacer(options.clock),
      lostError: () => (session.destroyed ? lostConnectionError(this.#reason) : undefined),
      released: (error) => this.#onReleased(error),
    };
    const onSettings = ({ maxConcurrentStreams = Number.POSITIVE_INFINITY }: Settings): void => {
      const hasGrown = maxConcurrentStreams > this.#maxStreams;
      this.#maxStreams = maxConcurrentStreams;
      if (hasGrown) this.#onRoom();
    };
    onSettings(session.remoteSettings);
    session.on("remoteSettings", onSettings);
    session.on("error", (error) => {
      this.#reason ??= error;
    });
    session.on("goaway", (code) => {
      const text = `the peer ends the connection (GOAWAY, code ${code})`;
      this.#reason ??= grpcError(Status.UNAVAILABLE, "CONNECTION_LOST", text);
      this.#boundClosing();
    });
    session.on("close", () => this.#onClosed());
  }

  /** Whether calls can be begun, apart from the limit of streams. */
  get usable(): boolean {
    return !this.#session.closed && !this.#session.destroyed;
  }

  /** Streams that are open now. */
  get openStreams(): number {
    return this.#openStreams;
  }

  /** Streams that the peer allows at a time. */
  get maxStreams(): number {
    return this.#maxStreams;
  }

  /**
   * Makes a unary call: one message to the peer, one message back. The bytes may not be changed before the call is
   * over.
   *
   * @throws CallError with the status, code and trailers of the peer; GrpcError if the call failed on this side.
   */
  unary(path: string, bytes: Uint8Array, options: CallOptions = {}): Promise<UnaryReply> {
    return new Promise((resolve, reject) => {
      const collector = new UnaryCollector(resolve, reject);
      const call = this.#begin(path, collector, options);
      if (call instanceof StatusError) return reject(call);
      collector.attach(call);
      call.sendLast(bytes);
    });
  }

  /** Begins a call with any number of messages in both directions. Never throws: `onEnd` tells what went wrong. */
  open(path: string, handlers: StreamHandlers, options: CallOptions = {}): ClientStream {
    const call = this.#begin(path, handlers, options);
    return call instanceof StatusError ? refusedStream(call, handlers) : call;
  }

  /** Calls the listener once when the connection has ended; in a microtask, if it has ended already. */
  onClose(listener: (reason: StatusError) => void): void {
    if (this.#closed) queueMicrotask(() => listener(this.#closeReason()));
    else this.#session.once("close", () => listener(this.#closeReason()));
  }

  /** Calls the listener, of which there is one, whenever a stream has ended or the peer has begun to allow more. */
  onRoom(listener: () => void): void {
    this.#onRoom = listener;
  }

  /** Begins no further calls, waits for those that run up to `closeTimeoutMs`, then ends the connection. */
  close(): Promise<void> {
    this.#reason ??= closedHere();
    if (!this.#closed) this.#boundClosing();
    this.#session.close();
    return new Promise((resolve) => this.onClose(() => resolve()));
  }

  /** Ends the connection and all its calls now. */
  destroy(): void {
    this.#reason ??= closedHere();
    this.#session.destroy();
  }

  #begin(path: string, handlers: StreamHandlers, options: CallOptions): ClientCall | StatusError {
    const { metadata, timeoutMs, signal, onCancel } = options;
    const refusal = this.#refusal(timeoutMs, signal);
    if (refusal !== undefined) return refusal;
    let stream: ClientHttp2Stream;
    try {
      stream = this.#session.request(this.#headers(path, metadata, timeoutMs), REQUEST_OPTIONS);
    } catch (error) {
      if (error instanceof StatusError) return error;
      const text = `not a request that HTTP/2 can carry: ${path}`;
      return grpcError(Status.INTERNAL, "BAD_METADATA", text, error);
    }
    this.#openStreams++;
    const call = new ClientCall(this.#context, stream, handlers);
    if (timeoutMs !== undefined || signal !== undefined) call.limit(timeoutMs, signal);
    if (onCancel !== undefined) onCancel(() => call.cancel());
    return call;
  }

  #refusal(timeoutMs: number | undefined, signal: AbortSignal | undefined): StatusError | undefined {
    if (!this.usable) {
      const text = "the connection takes no further calls";
      return grpcError(Status.UNAVAILABLE, "CONNECTION_CLOSED", text, this.#reason);
    }
    if (this.#openStreams >= this.#maxStreams) {
      const text = `as many streams are open as the peer allows (${this.#maxStreams})`;
      return grpcError(Status.RESOURCE_EXHAUSTED, "STREAM_LIMIT", text);
    }
    if (timeoutMs !== undefined && timeoutMs <= 0) {
      const text = "the time for the call was over before it";
      return grpcError(Status.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", text);
    }
    return signal?.aborted === true ? cancelled() : undefined;
  }

  #headers(path: string, metadata: Metadata | undefined, timeoutMs: number | undefined): readonly string[] {
    const base = this.#baseHeaders(path);
    if (metadata === undefined && timeoutMs === undefined) return base;
    const headers = [...base];
    if (timeoutMs !== undefined) headers.push("grpc-timeout", formatTimeout(timeoutMs));
    if (metadata !== undefined) appendMetadata(headers, metadata, DEFAULT_MAX_METADATA_BYTES);
    return headers;
  }

  #baseHeaders(path: string): readonly string[] {
    const kept = this.#headersByPath.get(path);
    if (kept !== undefined) return kept;
    const headers = Object.entries({
      ":method": "POST",
      ":scheme": "http",
      ":path": path,
      ":authority": this.#authority,
      te: "trailers",
      "content-type": "application/grpc+proto",
      "grpc-accept-encoding": ACCEPTED_ENCODINGS,
      "user-agent": "perdure",
    }).flat();
    if (this.#headersByPath.size < MAX_KEPT_PATHS) this.#headersByPath.set(path, headers);
    return headers;
  }

  #onReleased(error: unknown): void {
    this.#openStreams--;
    // The session has used up its stream numbers. Its running calls finish, then the connection is replaced.
    if (isOutOfStreams(error)) this.#session.close();
    this.#onRoom();
  }

  #onDead(): void {
    const { keepAliveTimeoutMs } = this.#options;
    const text = `the peer did not answer a ping within ${keepAliveTimeoutMs} ms`;
    this.#reason ??= grpcError(Status.UNAVAILABLE, "KEEPALIVE_TIMEOUT", text);
    this.#session.destroy();
  }

  #boundClosing(): void {
    const { clock, closeTimeoutMs } = this.#options;
    this.#closing ??= clock.schedule(closeTimeoutMs, () => this.destroy());
  }

  #onClosed(): void {
    this.#closed = true;
    this.#closing?.cancel();
    this.#context.keepAlive.stop();
    this.#context.resets.stop();
  }

  #closeReason(): StatusError {
    return lostConnectionError(this.#reason);
  }
}

function closedHere(): StatusError {
  return grpcError(Status.UNAVAILABLE, "CONNECTION_CLOSED", "the connection was closed on this side");
}

/** The stream of a refused call: it was never opened, and reports its end in a microtask. */
function refusedStream(error: StatusError, handlers: StreamHandlers): ClientStream {
  queueMicrotask(() => handlers.onEnd(localEnd(error)));
  return {
    send: () => false,
    end: () => undefined,
    cancel: () => undefined,
    pause: () => undefined,
    resume: () => undefined,
    drained: () => Promise.resolve(),
    bufferedBytes: 0,
  };
}
