// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";

import { describeError } from "../base/mod.ts";

import { CallState, OK_FIELDS } from "./call-state.ts";
import type { OpenRequest } from "./caller.ts";
import type { Encoding } from "./compression.ts";
import type { CallProtocol } from "./ended-call.ts";
import type { MessageSink } from "./message-reader.ts";
import { MessageReader } from "./message-reader.ts";
import type { MethodHandler } from "./server-call.ts";
import type { ServerContext } from "./server-context.ts";
import {
  canRespond,
  OK_TRAILERS,
  RESPONSE_HEADERS,
  sendHeadersOnly,
  toFields,
  WITH_TRAILERS,
} from "./server-response.ts";
import type { Status, StatusError } from "./status.ts";

const CALL = Symbol("call");

interface CallStream extends ServerHttp2Stream {
  /** Undefined when the stream has closed (3). */
  [CALL]: IncomingCall<MethodHandler> | undefined;
}

/**
 * The part that all calls of native gRPC share: one HTTP/2 stream and its status.
 *
 * 1. The caller gets one status, whatever the method or the caller does (I12).
 * 2. When the call is over its stream closes, also if the caller has not sent everything.
 * 3. A closed stream no longer refers to its call. Only a collection of the old generation frees Node's streams,
 *    because they have a part outside V8's heap, and the stream would keep the call, its headers and its reader until
 *    then.
 */
export abstract class IncomingCall<Method extends MethodHandler> extends CallState implements MessageSink {
  protected readonly method: Method;
  protected readonly stream: ServerHttp2Stream;
  protected readonly reader: MessageReader;
  /** The trailers, which are sent after the last message. */
  protected endFields: OutgoingHttpHeaders = OK_TRAILERS;

  constructor(
    context: ServerContext,
    method: Method,
    request: OpenRequest,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    raw: readonly string[],
    encoding: Encoding,
  ) {
    super(context, request, headers, raw);
    this.method = method;
    this.stream = stream;
    const { maxReceiveBytes } = context.options;
    this.reader = new MessageReader(stream, this, encoding, maxReceiveBytes, request.bytes, request);
    (stream as CallStream)[CALL] = this;
    stream.on("close", onClose);
  }

  get path(): string {
    return this.headers[":path"] ?? "";
  }

  get protocol(): CallProtocol {
    return "grpc";
  }

  /** Ends the call with a status other than OK. */
  fail(error: StatusError): void {
    if (this.over) return;
    this.settle(error.status, error.code);
    const fields = this.errorFields(error);
    const headers = this.stream.headersSent ? [] : this.errorHeaders();
    try {
      // Sent as separate headers first, because a caller takes all headers of a response without a body for trailers.
      if (headers.length > 0) this.respond([...RESPONSE_HEADERS, ...headers]);
      if (this.stream.headersSent) this.finish(toFields(fields));
      else sendHeadersOnly(this.stream, [...RESPONSE_HEADERS, ...fields]);
    } catch (thrown) {
      this.#giveUp(thrown);
    }
  }

  abstract onMessage(bytes: Uint8Array): void;
  abstract onLastMessage(): void;

  // For the kinds of calls

  protected read(): void {
    // Node ends a stream that has nothing to give out even if nobody reads it.
    if (this.stream.readableEnded) return process.nextTick(() => this.onStreamEnd());
    this.stream.on("end", onEnd);
    this.stream.on("data", onData);
  }

  protected override settle(status?: Status, code?: string): void {
    super.settle(status, code);
    this.reader.stop();
  }

  /** Sends the headers of an answer with messages. False: it cannot, because the stream is gone. */
  protected respond(headers: readonly string[]): boolean {
    if (!canRespond(this.stream)) return false;
    try {
      this.stream.on("wantTrailers", onWantTrailers);
      this.stream.respond(headers, WITH_TRAILERS);
      return true;
    } catch (error) {
      this.#giveUp(error);
      return false;
    }
  }

  /** The trailers of OK. @throws StatusError if the method's metadata cannot be sent. */
  protected okTrailers(): OutgoingHttpHeaders {
    const fields = this.okFields();
    return fields === OK_FIELDS ? OK_TRAILERS : toFields(fields);
  }

  /** Ends an answer that has begun. */
  protected finish(fields: OutgoingHttpHeaders): void {
    this.endFields = fields;
    this.stream.end();
  }

  // From the stream

  onData(chunk: Buffer): void {
    this.moved();
    this.reader.push(chunk);
  }

  onStreamEnd(): void {
    // Node also emits `end` for a stream that was reset before the whole request arrived.
    if (!this.stream.closed) this.reader.end();
  }

  onWantTrailers(): void {
    const { stream } = this;
    stream.sendTrailers(this.endFields);
    if (stream.readableEnded) return;
    // Close the stream, because nothing reads what the client may still send. Not before the next turn of the event
    // loop, because Node sends the trailers at the end of this one.
    setImmediate(() => {
      if (!stream.destroyed) stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }

  onStreamClosed(): void {
    // (3)
    (this.stream as CallStream)[CALL] = undefined;
    this.callerGone();
    this.request.close();
  }

  /** Ends only this stream if Node refuses to send the answer (I12). */
  #giveUp(error: unknown): void {
    const { logger } = this.context.options.telemetry;
    logger.error("answer could not be sent", { path: this.path, error: describeError(error) });
    this.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }
}

function onData(this: CallStream, chunk: Buffer | string): void {
  this[CALL]?.onData(chunk as Buffer);
}

function onEnd(this: CallStream): void {
  this[CALL]?.onStreamEnd();
}

function onWantTrailers(this: CallStream): void {
  this[CALL]?.onWantTrailers();
}

function onClose(this: CallStream): void {
  this[CALL]?.onStreamClosed();
}
