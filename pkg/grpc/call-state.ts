// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders } from "node:http2";
import type { Writable } from "node:stream";

import type { Charge, Timer } from "../base/mod.ts";
import { describeError, ExpiryPlace, whenDrained } from "../base/mod.ts";
import type { TraceContext } from "../telemetry/mod.ts";

import { appendStatus } from "./call-end.ts";
import type { OpenRequest } from "./caller.ts";
import type { CallProtocol } from "./ended-call.ts";
import { grpcError } from "./grpc-error.ts";
import { Metadata } from "./metadata.ts";
import { appendMetadata, readMetadata } from "./metadata-headers.ts";
import type { ServerCall } from "./server-call.ts";
import type { ArrivingCall, ServerContext } from "./server-context.ts";
import { Status, StatusError } from "./status.ts";
import { parseTimeoutMs } from "./timeout.ts";

export const OK_FIELDS: readonly string[] = ["grpc-status", "0"];

/** Timers may fire a fraction of a millisecond early. */
const TIMER_TOLERANCE_MS = 0.5;

/**
 * The part that all calls at a server share, over every protocol: deadline, cancellation, metadata, and whether it is
 * over.
 *
 * 1. A call can be cancelled only while it is not over, and each listener is called at most once.
 * 2. Objects that are rarely used (metadata, signal, listeners) are created only at their first use.
 */
export abstract class CallState implements ServerCall, ArrivingCall {
  protected readonly context: ServerContext;
  readonly request: OpenRequest;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly arrival: ExpiryPlace<ArrivingCall> = new ExpiryPlace<ArrivingCall>(this);
  #deadlineMs: number | undefined;
  #deadline: Timer | undefined;
  /** Undefined if the call was refused before `awaitRequest`. */
  #openedMs: number | undefined;
  #hasMoved = false;
  #isArriving = false;
  protected takesStream = false;
  #over = false;
  #callerIsGone = false;
  #cancelled = false;
  #cancelListeners: (() => void)[] | undefined;
  #signal: AbortSignal | undefined;
  #metadata: Metadata | undefined;
  #responseMetadata: Metadata | undefined;
  #trailers: Metadata | undefined;

  /** @param request is closed with the call. */
  constructor(
    context: ServerContext,
    request: OpenRequest,
    headers: IncomingHttpHeaders,
    raw: readonly string[],
  ) {
    this.context = context;
    this.request = request;
    this.headers = headers;
    this.rawHeaders = raw;
  }

  abstract get path(): string;

  abstract get protocol(): CallProtocol;

  /** Ends the call with a status other than OK. */
  abstract fail(error: StatusError): void;

  get bytes(): Charge {
    return this.request.bytes;
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

  inSpan(span: TraceContext): void {
    this.request.span = span;
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

  /** Starts the timer for the caller's deadline, if it gave one. @throws StatusError `BAD_TIMEOUT` */
  startDeadline(): void {
    const timeout = this.headers["grpc-timeout"] as string | undefined;
    if (timeout === undefined) return;
    const { clock } = this.context.options;
    const timeoutMs = parseTimeoutMs(timeout);
    this.#deadlineMs = clock.monotonicMs() + timeoutMs;
    this.#deadline = clock.schedule(timeoutMs, () => {
      const text = `not answered within the ${Math.round(timeoutMs)} ms that the caller gave`;
      this.breakOff(grpcError(Status.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", text));
    });
  }

  /** Ends the call with what the method threw: a `StatusError`, or INTERNAL for anything else, which is logged. */
  failWith(thrown: unknown): void {
    if (thrown instanceof StatusError) return this.fail(thrown);
    this.context.options.telemetry.logger.error("method failed", {
      path: this.path,
      code: "HANDLER_FAILED",
      error: describeError(thrown),
      thrown,
    });
    this.fail(grpcError(Status.INTERNAL, "HANDLER_FAILED", "the method failed"));
  }

  /** Ends the call with an error of which its method does not know. */
  breakOff(error: StatusError): void {
    this.cancel();
    this.fail(error);
  }

  #requestExpired(problem: string): void {
    this.breakOff(grpcError(Status.DEADLINE_EXCEEDED, "REQUEST_TIMEOUT", `the request ${problem}`));
  }

  /** Ends the call if its first byte, or its whole request, has taken too long. True: it has more time. */
  mayGoOnArriving(nowMs: number): boolean {
    const { firstMessageTimeoutMs, firstStreamMessageTimeoutMs, requestTimeoutMs } = this.context.options;
    const ageMs = nowMs - (this.#openedMs ?? nowMs) + TIMER_TOLERANCE_MS;
    const firstMs = this.takesStream ? firstStreamMessageTimeoutMs : firstMessageTimeoutMs;
    if (!this.#hasMoved && ageMs >= firstMs)
      this.#requestExpired(`did not begin to arrive within ${firstMs} ms`);
    else if (!this.takesStream && ageMs >= requestTimeoutMs)
      this.#requestExpired(`did not arrive whole within ${requestTimeoutMs} ms`);
    else return true;
    return false;
  }

  /** Whether the call has ended, from whichever side. */
  get over(): boolean {
    return this.#over;
  }

  // For the kinds of calls

  /** Answers longer than this many bytes are packed with gzip. Infinite unless the caller packs with gzip too. */
  protected get packAboveBytes(): number {
    const { compressAboveBytes } = this.context.options;
    return this.headers["grpc-encoding"] === "gzip" ? compressAboveBytes : Number.POSITIVE_INFINITY;
  }

  /** Marks the call as over. The status is sent next, unless the caller has gone. */
  protected settle(status: Status = Status.OK, code?: string): void {
    this.#over = true;
    if (!this.#callerIsGone) this.request.answered();
    this.arrived();
    this.#deadline?.cancel();
    this.#cancelListeners = undefined;
    const { onEnd, onStatus, clock } = this.context.options;
    if (onEnd === undefined && onStatus === undefined) return;
    const nowMs = clock.monotonicMs();
    const openedMs = this.#openedMs ?? nowMs;
    onStatus?.(this.protocol, status, nowMs - openedMs, this.request.span);
    if (onEnd === undefined) return;
    const { protocol, path, bytes } = this;
    onEnd({ protocol, path, bytes, openedMs, status, code });
  }

  /** Handles that the caller has gone. If the call is not over, this cancels it. */
  protected callerGone(): void {
    if (this.#over) return;
    this.#callerIsGone = true;
    this.cancel();
    this.settle(Status.CANCELLED);
  }

  /** Starts the time within which the request must arrive. A stream of messages (`takesStream`) may begin late. */
  protected awaitRequest(takesStream: boolean): void {
    const { arriving, options } = this.context;
    this.#openedMs = options.clock.monotonicMs();
    this.#isArriving = true;
    this.takesStream = takesStream;
    arriving.touch(this.arrival);
  }

  /** Records that bytes of a message have arrived or were sent. */
  protected moved(): void {
    this.#hasMoved = true;
  }

  /** Records that the request has arrived, or that a streamed request has begun to. */
  protected arrived(): void {
    if (!this.#isArriving) return;
    this.#isArriving = false;
    this.context.arriving.forget(this.arrival);
  }

  /** Resolves when the peer has taken enough for `stream` to accept more. */
  protected taken(stream: Writable): Promise<void> {
    return this.request.taken(whenDrained(stream));
  }

  /** Counts the reply of a unary call, in the place of its request. */
  holdReply(reply: Uint8Array): void {
    this.request.bytes.holdExactly(this.request.ownBytes + reply.length);
  }

  /** Follows a method that has begun: keeps the call's memory until it has ended, and fails with its error. */
  protected follow(handled: void | Promise<void>): void {
    if (!(handled instanceof Promise)) return;
    this.request.during(handled);
    handled.catch((error: unknown) => this.failWith(error));
  }

  /** Runs code of the method. What it throws ends the call. */
  protected attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.failWith(error);
    }
  }

  /** Calls the listeners for a cancellation, because the caller no longer waits for the answer. */
  protected cancel(): void {
    if (this.#over || this.#cancelled) return;
    this.#cancelled = true;
    const listeners = this.#cancelListeners;
    this.#cancelListeners = undefined;
    if (listeners !== undefined) for (const listener of listeners) this.#notify(listener);
  }

  /** `own` headers, and what the method adds to them. @throws StatusError if its metadata cannot be sent. */
  protected answerHeaders(own: readonly string[], packed: boolean): readonly string[] {
    const metadata = this.#responseMetadata;
    if (metadata === undefined && !packed) return own;
    const headers = [...own];
    if (packed) headers.push("grpc-encoding", "gzip");
    if (metadata !== undefined) appendMetadata(headers, metadata, this.context.options.maxMetadataBytes);
    return headers;
  }

  /** The fields that end the call with OK; `OK_FIELDS` if the method adds none. @throws StatusError as above. */
  protected okFields(): readonly string[] {
    if (this.#trailers === undefined) return OK_FIELDS;
    const fields = [...OK_FIELDS];
    appendMetadata(fields, this.#trailers, this.context.options.maxMetadataBytes);
    return fields;
  }

  /** The status, with the method's trailers unless they are too large, because the error matters more. */
  protected errorFields(error: StatusError): string[] {
    const fields: string[] = [];
    appendStatus(fields, error);
    if (this.#trailers !== undefined) this.#appendIfFits(fields, this.#trailers);
    return fields;
  }

  /** The method's response metadata as headers, unless it is too large. For an error that comes before any message. */
  protected errorHeaders(): string[] {
    const headers: string[] = [];
    if (this.#responseMetadata !== undefined) this.#appendIfFits(headers, this.#responseMetadata);
    return headers;
  }

  #appendIfFits(fields: string[], metadata: Metadata): void {
    const { length } = fields;
    try {
      appendMetadata(fields, metadata, this.context.options.maxMetadataBytes);
    } catch {
      fields.length = length;
    }
  }

  #notify(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      const { logger } = this.context.options.telemetry;
      logger.error("cancellation was not handled", { path: this.path, error: describeError(error) });
    }
  }
}
