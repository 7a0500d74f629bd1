// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";

import { describeError } from "../base/mod.ts";

import { CallState } from "./call-state.ts";
import type { OpenRequest } from "./caller.ts";
import type { Encoding } from "./compression.ts";
import type { CallProtocol } from "./ended-call.ts";
import type { MessageSink } from "./message-reader.ts";
import { MessageReader } from "./message-reader.ts";
import { appendMetadata } from "./metadata-headers.ts";
import type { ServerContext } from "./server-context.ts";
import {
  beginResponse,
  canRespond,
  OK_TRAILERS,
  RESPONSE_HEADERS,
  sendHeadersOnly,
  toFields,
} from "./server-response.ts";
import type { Status, StatusError } from "./status.ts";

const CALL = Symbol("call");

interface CallStream extends ServerHttp2Stream {
  /** Undefined when the stream has closed (3). */
  [CALL]: IncomingCall | undefined;
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
export abstract class IncomingCall extends CallState implements MessageSink {
  protected readonly stream: ServerHttp2Stream;
  protected readonly reader: MessageReader;
  #endFields: OutgoingHttpHeaders = OK_TRAILERS;

  constructor(
    context: ServerContext,
    request: OpenRequest,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    raw: readonly string[],
    encoding: Encoding,
  ) {
    super(context, request, headers, raw);
    this.stream = stream;
    this.reader = new MessageReader(stream, this, encoding, context.options.maxReceiveBytes, request.bytes);
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

  onUnreadable(error: StatusError): void {
    this.cancel();
    this.fail(error);
  }

  // For the kinds of calls

  protected read(): void {
    this.stream.on("end", onEnd);
    this.stream.on("data", onData);
  }

  protected override settle(status?: Status, code?: string): void {
    super.settle(status, code);
    this.reader.stop();
  }

  /** The headers of an answer with messages. @throws StatusError if its metadata cannot be sent. */
  protected responseHeaders(packed: boolean): readonly string[] {
    const metadata = this.ownResponseMetadata;
    if (metadata === undefined && !packed) return RESPONSE_HEADERS;
    const headers = [...RESPONSE_HEADERS];
    if (packed) headers.push("grpc-encoding", "gzip");
    if (metadata !== undefined) appendMetadata(headers, metadata, this.context.options.maxMetadataBytes);
    return headers;
  }

  /** Sends the headers of an answer with messages. False: it cannot, because the stream is gone. */
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
    const trailers = this.ownTrailers;
    if (trailers === undefined) return OK_TRAILERS;
    const fields = ["grpc-status", "0"];
    appendMetadata(fields, trailers, this.context.options.maxMetadataBytes);
    return toFields(fields);
  }

  /** Sets the trailers, which are sent after the last message. */
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
    this.moved();
    this.reader.push(chunk);
  }

  onStreamEnd(): void {
    // Node also emits `end` for a stream that was reset before the whole request arrived.
    if (!this.stream.closed) this.reader.end();
  }

  onWantTrailers(): void {
    const { stream } = this;
    stream.sendTrailers(this.#endFields);
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
    this.closed();
  }

  /** Ends only this stream if Node refuses to send the answer (I12). */
  #giveUp(error: unknown): void {
    const { logger } = this.context.options;
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
