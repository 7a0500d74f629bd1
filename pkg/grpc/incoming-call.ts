// SPDX-License-Identifier: Apache-2.0

import { constants } from "node:http2";
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";

import { describeError } from "../base/mod.ts";
import type { ExpiryQueue, Timer } from "../base/mod.ts";

import { appendStatus } from "./call-end.ts";
import type { Encoding } from "./compression.ts";
import type { ReceiveBudget } from "./framing.ts";
import { grpcError } from "./grpc-error.ts";
import { MessageReader } from "./message-reader.ts";
import type { MessageSink } from "./message-reader.ts";
import { appendMetadata, readMetadata } from "./metadata-headers.ts";
import { Metadata } from "./metadata.ts";
import type { ServerCall } from "./server-call.ts";
import type { ResolvedGrpcServerOptions } from "./server-options.ts";
import {
  beginResponse,
  canRespond,
  OK_TRAILERS,
  RESPONSE_HEADERS,
  sendHeadersOnly,
  toFields,
} from "./server-response.ts";
import { Status, StatusError } from "./status.ts";
import { parseTimeoutMs } from "./timeout.ts";

/** What all calls of one server handler share. */
export interface ServerContext {
  readonly options: ResolvedGrpcServerOptions;
  readonly budget: ReceiveBudget;
  /** Calls whose request has not arrived whole. */
  readonly arriving: ExpiryQueue<IncomingCall>;
  openCalls: number;
}

const CALL = Symbol("call");

interface CallStream extends ServerHttp2Stream {
  [CALL]: IncomingCall;
}

/**
 * What is common to all calls at a server: one HTTP/2 stream, its deadline, its cancellation and its status.
 *
 * 1. The caller gets one status, whatever the method or the caller does (I12).
 * 2. Whoever listens hears of a cancellation at most once, and only while the call is not over.
 * 3. When the call is over its stream closes, also if the caller has not sent everything.
 * 4. What is rarely asked for (metadata, signal, listeners) is only made when it is.
 */
export abstract class IncomingCall implements ServerCall, MessageSink {
  protected readonly context: ServerContext;
  protected readonly stream: ServerHttp2Stream;
  protected readonly reader: MessageReader;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  #deadlineMs: number | undefined;
  #deadline: Timer | undefined;
  #over = false;
  #cancelled = false;
  #cancelListeners: (() => void)[] | undefined;
  #signal: AbortSignal | undefined;
  #metadata: Metadata | undefined;
  #responseMetadata: Metadata | undefined;
  #trailers: Metadata | undefined;
  #endFields: OutgoingHttpHeaders = OK_TRAILERS;

  constructor(
    context: ServerContext,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    raw: readonly string[],
    encoding: Encoding,
  ) {
    this.context = context;
    this.stream = stream;
    this.headers = headers;
    this.rawHeaders = raw;
    this.reader = new MessageReader(stream, this, encoding, context.options.maxReceiveBytes, context.budget);
    (stream as CallStream)[CALL] = this;
    stream.on("close", onClose);
    context.openCalls++;
  }

  get path(): string {
    return this.headers[":path"] ?? "";
  }

  get metadata(): Metadata {
    return (this.#metadata ??= readMetadata(this.rawHeaders));
  }

  get deadlineMs(): number | undefined {
    return this.#deadlineMs;
  }

  get cancelled(): boolean {
    return this.#cancelled;
  }

  get responseMetadata(): Metadata {
    return (this.#responseMetadata ??= new Metadata());
  }

  get trailers(): Metadata {
    return (this.#trailers ??= new Metadata());
  }

  get signal(): AbortSignal {
    if (this.#signal === undefined) {
      const controller = new AbortController();
      this.#signal = controller.signal;
      this.onCancel(() => controller.abort());
    }
    return this.#signal;
  }

  onCancel(listener: () => void): void {
    if (this.#cancelled) this.#notify(listener);
    else (this.#cancelListeners ??= []).push(listener);
  }

  /** Begins to count the caller's time. */
  startDeadline(timeout: string): void {
    const { clock } = this.context.options;
    const timeoutMs = parseTimeoutMs(timeout);
    this.#deadlineMs = clock.monotonicMs() + timeoutMs;
    this.#deadline = clock.schedule(timeoutMs, () => {
      const text = `not answered within the ${Math.round(timeoutMs)} ms that the caller gave`;
      this.#cancel();
      this.fail(grpcError(Status.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", text));
    });
  }

  /** Ends the call with a status other than OK. */
  fail(error: StatusError): void {
    if (this.#over) return;
    this.settle();
    const begun = this.stream.headersSent;
    const headers = begun ? [] : [...RESPONSE_HEADERS];
    appendStatus(headers, error);
    this.#appendExtras(headers, begun);
    try {
      if (begun) this.finish(toFields(headers));
      else sendHeadersOnly(this.stream, headers);
    } catch (thrown) {
      this.#giveUp(thrown);
    }
  }

  /** What the method threw, as the status that its caller may see. */
  failWith(thrown: unknown): void {
    if (thrown instanceof StatusError) {
      this.fail(thrown);
      return;
    }
    this.context.options.logger.error("method failed", {
      path: this.path,
      error: describeError(thrown),
      thrown,
    });
    this.fail(grpcError(Status.INTERNAL, "HANDLER_FAILED", "the method failed"));
  }

  /** The request did not arrive whole in time. */
  requestExpired(): void {
    const { requestTimeoutMs } = this.context.options;
    const text = `the request did not arrive whole within ${requestTimeoutMs} ms`;
    this.fail(grpcError(Status.DEADLINE_EXCEEDED, "REQUEST_TIMEOUT", text));
  }

  abstract onMessage(bytes: Uint8Array): void;
  abstract onLastMessage(): void;

  onUnreadable(error: StatusError): void {
    this.#cancel();
    this.fail(error);
  }

  get over(): boolean {
    return this.#over;
  }

  // For the kinds of calls

  /** Answers longer than this are packed, in bytes: never, unless the caller packs too. */
  protected get packAboveBytes(): number {
    const { compressAboveBytes } = this.context.options;
    return this.headers["grpc-encoding"] === "gzip" ? compressAboveBytes : Number.POSITIVE_INFINITY;
  }

  protected read(): void {
    this.stream.on("end", onEnd);
    this.stream.on("data", onData);
  }

  /** Marks the call as over; the status is about to be sent. */
  protected settle(): void {
    this.#over = true;
    this.#deadline?.cancel();
    this.#cancelListeners = undefined;
    this.reader.stop();
  }

  /** The headers of an answer with messages. @throws StatusError if its metadata cannot be sent. */
  protected responseHeaders(packed: boolean): readonly string[] {
    if (this.#responseMetadata === undefined && !packed) return RESPONSE_HEADERS;
    const headers = [...RESPONSE_HEADERS];
    if (packed) headers.push("grpc-encoding", "gzip");
    if (this.#responseMetadata !== undefined)
      appendMetadata(headers, this.#responseMetadata, this.context.options.maxMetadataBytes);
    return headers;
  }

  /** Begins an answer with messages. False: it cannot, and the stream is gone. */
  protected respond(headers: readonly string[]): boolean {
    if (!canRespond(this.stream)) return false;
    try {
      this.stream.on("wantTrailers", onWantTrailers);
      beginResponse(this.stream, headers);
      return true;
    } catch (error) {
      this.#giveUp(error);
      return false;
    }
  }

  /** The fields that end the call with OK. @throws StatusError if its metadata cannot be sent. */
  protected okFields(): OutgoingHttpHeaders {
    if (this.#trailers === undefined) return OK_TRAILERS;
    const fields = ["grpc-status", "0"];
    appendMetadata(fields, this.#trailers, this.context.options.maxMetadataBytes);
    return toFields(fields);
  }

  /** Sets the fields that go out when the last message has. */
  protected set endFields(fields: OutgoingHttpHeaders) {
    this.#endFields = fields;
  }

  /** Ends an answer that has begun. */
  protected finish(fields: OutgoingHttpHeaders): void {
    this.#endFields = fields;
    this.stream.end();
  }

  // From the stream

  onData(chunk: Buffer): void {
    this.reader.push(chunk);
  }

  onStreamEnd(): void {
    // A stream that was reset "ends" too, with less than the whole request.
    if (!this.stream.closed) this.reader.end();
  }

  onWantTrailers(): void {
    const { stream } = this;
    stream.sendTrailers(this.#endFields);
    if (stream.readableEnded) return;
    // Nobody reads what the client may still send. Behind the trailers, which Node sends at the end of this turn.
    setImmediate(() => {
      if (!stream.destroyed) stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }

  onStreamClosed(): void {
    this.context.openCalls--;
    if (this.#over) return;
    this.#cancel();
    this.settle();
  }

  /** Whatever Node refuses to send ends this stream only (I12). */
  #giveUp(error: unknown): void {
    const { logger } = this.context.options;
    logger.error("answer could not be sent", { path: this.path, error: describeError(error) });
    this.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  #cancel(): void {
    if (this.#over || this.#cancelled) return;
    this.#cancelled = true;
    const listeners = this.#cancelListeners;
    this.#cancelListeners = undefined;
    if (listeners !== undefined) for (const listener of listeners) this.#notify(listener);
  }

  #notify(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      const { logger } = this.context.options;
      logger.error("cancellation was not handled", { path: this.path, error: describeError(error) });
    }
  }

  /** Metadata beside an error; the error matters more, so metadata that is too large is left out. */
  #appendExtras(headers: string[], begun: boolean): void {
    const { length } = headers;
    try {
      const { maxMetadataBytes } = this.context.options;
      if (!begun && this.#responseMetadata !== undefined)
        appendMetadata(headers, this.#responseMetadata, maxMetadataBytes);
      if (this.#trailers !== undefined) appendMetadata(headers, this.#trailers, maxMetadataBytes);
    } catch {
      headers.length = length;
    }
  }
}

function onData(this: CallStream, chunk: Buffer | string): void {
  this[CALL].onData(chunk as Buffer);
}

function onEnd(this: CallStream): void {
  this[CALL].onStreamEnd();
}

function onWantTrailers(this: CallStream): void {
  this[CALL].onWantTrailers();
}

function onClose(this: CallStream): void {
  this[CALL].onStreamClosed();
}
