// SPDX-License-Identifier: Apache-2.0

import type { ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader } from "node:http2";
import { constants } from "node:http2";

import type { Charge, Timer } from "../base/mod.ts";
import { whenDrained } from "../base/mod.ts";

import type { CallEnd } from "./call-end.ts";
import { localEnd, readCallEnd } from "./call-end.ts";
import type { ResolvedConnectOptions } from "./client-options.ts";
import type { Encoding } from "./compression.ts";
import { parseEncoding } from "./compression.ts";
import { cancelled, grpcError } from "./grpc-error.ts";
import { closedStreamError, statusOfHttp } from "./http2-error.ts";
import type { KeepAlive } from "./keep-alive.ts";
import type { MessageSink } from "./message-reader.ts";
import { MessageReader } from "./message-reader.ts";
import { MessageWriter, writable } from "./message-writer.ts";
import type { ResetPacer } from "./reset-pacer.ts";
import { Status, StatusError } from "./status.ts";

/** Callbacks for the messages and the end of a stream. */
export interface StreamHandlers {
  /** A message. Its bytes may be a view of a larger buffer: copy what is kept for long. */
  onMessage(bytes: Uint8Array): void;
  /** The call is over. Called exactly once, whatever happens, after all messages and not before `open` has returned. */
  onEnd(end: CallEnd): void;
}

/** One open call with any number of messages in both directions. */
export interface ClientStream {
  /**
   * Sends a message, whose bytes may not be changed afterwards. False: the peer is slow, so the caller should wait
   * for `drained`. A stream with more unsent bytes than its bound ends with `SEND_BUFFER_FULL`. An ended stream
   * ignores the message.
   */
  send(bytes: Uint8Array): boolean;
  /** Half-closes the stream: no further message will be sent. */
  end(): void;
  /** Ends the call with CANCELLED, for both sides. */
  cancel(): void;
  /** Stops the delivery of messages, and by flow control the peer. */
  pause(): void;
  resume(): void;
  /** Resolves when `send` would return true, or the call is over. */
  drained(): Promise<void>;
  /** Bytes that wait to be sent. */
  readonly bufferedBytes: number;
}

/** What all calls of one connection share. */
export interface ClientContext {
  readonly options: ResolvedConnectOptions;
  readonly keepAlive: KeepAlive;
  readonly resets: ResetPacer;
  /** The error that ended the connection; undefined while it is open. */
  lostError(): StatusError | undefined;
  /** Called when a stream has closed and its place is free. */
  released(error: unknown): void;
}

const CALL = Symbol("call");

interface CallStream extends ClientHttp2Stream {
  /** Undefined when the stream has closed (5). */
  [CALL]: ClientCall | undefined;
}

/**
 * One call of a client, on one HTTP/2 stream.
 *
 * 1. `onEnd` is called exactly once; no message is given out after it.
 * 2. `onEnd` reports the peer's status only after the last message has been delivered.
 * 3. However the call ends, its stream does too: nothing is left open at the peer.
 * 4. Listeners are shared functions that find the call on its stream, so that ten thousand open calls need no
 *    closures.
 * 5. A closed stream no longer refers to its call, because only a collection of the old generation frees the stream
 *    (`IncomingCall`).
 */
export class ClientCall implements ClientStream, MessageSink {
  readonly #context: ClientContext;
  readonly #stream: ClientHttp2Stream;
  readonly #handlers: StreamHandlers;
  readonly #writer: MessageWriter;
  #reader: MessageReader | undefined;
  /** The memory of what has not arrived whole. */
  #charge: Charge | undefined;
  #headers: readonly string[] | undefined;
  /** The end from the peer's trailers, kept until the last message has been delivered. */
  #end: CallEnd | undefined;
  #over = false;
  #pausedEarly = false;
  #deadline: Timer | undefined;
  #unlisten: (() => void) | undefined;

  constructor(context: ClientContext, stream: ClientHttp2Stream, handlers: StreamHandlers) {
    this.#context = context;
    this.#stream = stream;
    this.#handlers = handlers;
    this.#writer = new MessageWriter(stream, context.options.maxSendBufferBytes);
    (stream as CallStream)[CALL] = this;
    stream.on("response", onResponse as (headers: IncomingHttpHeaders) => void);
    stream.on("error", onError);
    stream.on("close", onClose);
    context.keepAlive.sent();
  }

  /** Ends the call after a time in milliseconds, or when the signal aborts. */
  limit(timeoutMs: number | undefined, signal: AbortSignal | undefined): void {
    if (timeoutMs !== undefined) {
      this.#deadline = this.#context.options.clock.schedule(timeoutMs, () => {
        const text = `no answer within ${Math.round(timeoutMs)} ms`;
        this.breakOff(grpcError(Status.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", text));
      });
    }
    if (signal !== undefined) {
      const onAbort = (): void => this.breakOff(cancelled());
      signal.addEventListener("abort", onAbort, { once: true });
      this.#unlisten = () => signal.removeEventListener("abort", onAbort);
    }
  }

  get bufferedBytes(): number {
    return this.#writer.bufferedBytes;
  }

  send(bytes: Uint8Array): boolean {
    if (this.#over || !writable(this.#stream)) return false;
    this.#context.keepAlive.sent();
    try {
      return this.#writer.send(bytes);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      queueMicrotask(() => this.breakOff(error));
      return false;
    }
  }

  /** A last message and the end in one go. */
  sendLast(bytes: Uint8Array): void {
    this.#writer.sendLast(bytes);
  }

  end(): void {
    if (!this.#over && writable(this.#stream)) this.#writer.end();
  }

  cancel(): void {
    queueMicrotask(() => this.breakOff(cancelled()));
  }

  pause(): void {
    if (this.#reader === undefined) this.#pausedEarly = true;
    else this.#reader.pause();
  }

  resume(): void {
    this.#pausedEarly = false;
    this.#reader?.resume();
  }

  drained(): Promise<void> {
    return this.#over ? Promise.resolve() : whenDrained(this.#stream);
  }

  // From the stream

  onResponse(
    headers: IncomingHttpHeaders & IncomingHttpStatusHeader,
    flags: number,
    raw: readonly string[],
  ): void {
    const { options, keepAlive } = this.#context;
    keepAlive.heard();
    if (this.#over) return;
    const end = (flags & constants.NGHTTP2_FLAG_END_STREAM) === 0 ? undefined : readCallEnd(headers, raw);
    if (end !== undefined) return this.#finish(end);
    const encoding = responseEncoding(headers);
    if (encoding instanceof StatusError) return this.breakOff(encoding);
    this.#headers = raw;
    const stream = this.#stream;
    this.#charge = options.memory.charge();
    this.#reader = new MessageReader(stream, this, encoding, options.maxReceiveBytes, this.#charge);
    stream.on("trailers", onTrailers);
    stream.on("end", onEnd);
    stream.on("data", onData);
    if (this.#pausedEarly) this.#reader.pause();
  }

  onData(chunk: Buffer): void {
    this.#context.keepAlive.heard();
    this.#reader?.push(chunk);
  }

  onTrailers(headers: IncomingHttpHeaders, raw: readonly string[]): void {
    this.#context.keepAlive.heard();
    this.#end = readCallEnd(headers, raw, this.#headers);
    // Node emits `end` one turn of the event loop later, but no data can come before it.
    if (this.#stream.readableLength === 0) this.#reader?.end();
  }

  onStreamEnd(): void {
    // Node also emits `end` for a stream that was reset or lost; its `close` then gives the reason.
    if (this.#end === undefined && this.#stream.closed) return;
    this.#reader?.end();
  }

  onStreamClosed(): void {
    // (5)
    (this.#stream as CallStream)[CALL] = undefined;
    const { rstCode, errored } = this.#stream;
    this.#context.released(errored);
    if (this.#over || (this.#end !== undefined && this.#reader?.complete === true)) return;
    this.#finish(localEnd(this.#context.lostError() ?? closedStreamError(rstCode, errored ?? undefined)));
  }

  // From the reader

  onMessage(bytes: Uint8Array): void {
    // From here on, the receiver of the message counts its bytes.
    this.#charge?.give(bytes.length);
    try {
      this.#handlers.onMessage(bytes);
    } catch (error) {
      this.breakOff(grpcError(Status.INTERNAL, "HANDLER_FAILED", "a message could not be handled", error));
    }
  }

  onLastMessage(): void {
    if (this.#end === undefined) this.breakOff(closedStreamError(constants.NGHTTP2_NO_ERROR));
    else this.#finish(this.#end);
  }

  // Ends

  /** Ends the call from this side, and resets its stream. */
  breakOff(error: StatusError): void {
    if (this.#over) return;
    this.#finish(localEnd(error));
    this.#context.resets.reset(this.#stream);
  }

  #finish(end: CallEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#deadline?.cancel();
    this.#unlisten?.();
    this.#reader?.stop();
    this.#charge?.close();
    const stream = this.#stream;
    if (end.cause === undefined && writable(stream)) {
      // The peer ended the call first, so it will not take the rest of our messages.
      if (stream.writableLength === 0) stream.end();
      else this.#context.resets.reset(stream);
    }
    this.#handlers.onEnd(end);
  }
}

/** How the peer packs its messages, or why its answer cannot be read. */
function responseEncoding(headers: IncomingHttpHeaders & IncomingHttpStatusHeader): Encoding | StatusError {
  const httpStatus = headers[":status"] ?? 0;
  const contentType = headers["content-type"] ?? "none";
  if (httpStatus !== 200 || !contentType.startsWith("application/grpc")) {
    const text = `the peer does not speak gRPC: HTTP status ${httpStatus}, content type ${contentType}`;
    return grpcError(statusOfHttp(httpStatus), "BAD_RESPONSE", text);
  }
  const encoding = parseEncoding(headers["grpc-encoding"] as string | undefined);
  if (encoding !== undefined) return encoding;
  const text = `the peer packs messages as ${String(headers["grpc-encoding"])}, which is not known here`;
  return grpcError(Status.INTERNAL, "UNKNOWN_ENCODING", text);
}

function onResponse(this: CallStream, headers: IncomingHttpHeaders, flags: number, raw: string[]): void {
  this[CALL]?.onResponse(headers, flags, raw);
}

function onData(this: CallStream, chunk: Buffer | string): void {
  this[CALL]?.onData(chunk as Buffer);
}

function onTrailers(this: CallStream, headers: IncomingHttpHeaders, _flags: number, raw: string[]): void {
  this[CALL]?.onTrailers(headers, raw);
}

function onEnd(this: CallStream): void {
  this[CALL]?.onStreamEnd();
}

function onError(): void {
  // `errored` of the stream keeps it. Without a listener it would end the process (I12).
}

function onClose(this: CallStream): void {
  this[CALL]?.onStreamClosed();
}
