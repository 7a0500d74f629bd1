// SPDX-License-Identifier: Apache-2.0

import type { Writable } from "node:stream";

import { assert, describeError } from "../../base/mod.ts";

import { CallState } from "../call-state.ts";
import type { Encoding } from "../compression.ts";
import { ACCEPTED_ENCODINGS } from "../compression.ts";
import type { CallProtocol } from "../ended-call.ts";
import type { MessageSink } from "../message-reader.ts";
import { MessageReader } from "../message-reader.ts";
import { MessageWriter, writable } from "../message-writer.ts";
import type { MethodHandler, ServerStreamCall, ServerStreamHandlers, UnaryMethod } from "../server-call.ts";
import type { ServerContext } from "../server-context.ts";
import { onlyMessage } from "../server-messages.ts";
import type { Status } from "../status.ts";
import { StatusError } from "../status.ts";
import { StreamHold } from "../stream-hold.ts";
import { Base64Decoder } from "./base64-decoder.ts";
import type { WebExchange } from "./web-exchange.ts";
import { encodeTrailers, writeTextMessage } from "./web-frames.ts";

/** Which sides of a call are base64. */
export interface WebForm {
  readonly textIn: boolean;
  readonly textOut: boolean;
}

/**
 * A call of gRPC-Web (grpc/grpc `doc/PROTOCOL-WEB.md`), in any of the four shapes (unary, or with a stream in either
 * or both directions). It carries gRPC's frames in a plain body and the trailers in a last frame, so that neither
 * side needs trailers of HTTP.
 *
 * 1. The caller gets one status, always in the body, whatever the method or the caller does (I12).
 * 2. Nothing is read from the caller before the method calls `receive`.
 * 3. The response headers are sent with the first message, or at the end if there is none.
 * 4. When the call is over, what the caller still sends is discarded.
 */
export class WebCall extends CallState implements ServerStreamCall, MessageSink {
  readonly #exchange: WebExchange;
  readonly #form: WebForm;
  #encoding: Encoding = "identity";
  /** Keeps what arrives before the method calls `receive`. */
  #hold: StreamHold | undefined;
  #reader: MessageReader | undefined;
  #handlers: ServerStreamHandlers | undefined;
  #out: Writable | undefined;
  #writer: MessageWriter | undefined;

  constructor(context: ServerContext, exchange: WebExchange, form: WebForm) {
    super(context, exchange.request, exchange.headers, exchange.rawHeaders);
    this.#exchange = exchange;
    this.#form = form;
    exchange.onCancel(() => this.callerGone());
    exchange.onClose(() => this.callerGone());
  }

  get path(): string {
    const { target } = this.#exchange;
    const mark = target.indexOf("?");
    return mark === -1 ? target : target.slice(0, mark);
  }

  get protocol(): CallProtocol {
    return "grpc-web";
  }

  start(method: MethodHandler, encoding: Encoding): void {
    this.#encoding = encoding;
    this.awaitRequest(method.kind === "bidi" && method.takesOne !== true);
    if (method.kind === "bidi") this.#holdBody();
    this.attempt(() =>
      this.follow(method.kind === "unary" ? answerUnary(method, this) : method.handle(this)),
    );
  }

  receive(handlers: ServerStreamHandlers): void {
    assert(this.#handlers === undefined, "a call is received once");
    this.#handlers = handlers;
    if (this.over) return;
    const { maxReceiveBytes } = this.context.options;
    this.#hold?.end();
    const body = this.#exchange.openBody();
    const { bytes, request } = this;
    const reader = new MessageReader(body, this, this.#encoding, maxReceiveBytes, bytes, request);
    this.#reader = reader;
    const base64 = this.#form.textIn ? new Base64Decoder() : undefined;
    body.on("data", (chunk: Buffer) => {
      this.moved();
      this.#read(() => reader.push(base64 === undefined ? chunk : base64.push(chunk)));
    });
    const onEnd = (): void => {
      // Node may also emit `end` for a body that broke off before it was complete.
      if (this.#exchange.gone) return;
      this.#read(() => {
        base64?.end();
        reader.end();
      });
    };
    // Node ends a body that has nothing to give out even if nobody reads it.
    if (body.readableEnded) process.nextTick(onEnd);
    else body.on("end", onEnd);
  }

  send(bytes: Uint8Array): boolean {
    if (this.over) return false;
    this.moved();
    if (this.takesStream) this.arrived();
    try {
      if (this.#writer === undefined) this.#begin(this.#answerHeaders());
      return this.#out !== undefined && writable(this.#out) && this.#writer?.send(bytes) === true;
    } catch (error) {
      this.failWith(error);
      return false;
    }
  }

  drained(): Promise<void> {
    return this.over || this.#out === undefined ? Promise.resolve() : this.taken(this.#out);
  }

  pause(): void {
    this.#reader?.pause();
  }

  resume(): void {
    this.#reader?.resume();
  }

  end(): void {
    if (this.over) return;
    let trailers: readonly string[];
    try {
      trailers = this.okFields();
      if (this.#writer === undefined) this.#begin(this.#answerHeaders());
    } catch (error) {
      return this.failWith(error);
    }
    this.#finish(trailers);
  }

  fail(error: StatusError): void {
    if (this.over) return;
    try {
      if (this.#writer === undefined) this.#begin([...this.#formHeaders(), ...this.errorHeaders()]);
      this.#finish(this.errorFields(error), error);
    } catch (thrown) {
      // Only this call ends if Node refuses to send the answer (I12).
      const { logger } = this.context.options.telemetry;
      logger.error("answer could not be sent", { path: this.path, error: describeError(thrown) });
      this.#exchange.abort();
    }
  }

  onMessage(bytes: Uint8Array): void {
    if (this.takesStream) this.arrived();
    this.attempt(() => this.#handlers?.onMessage(bytes));
    this.bytes.give(bytes.length);
  }

  onLastMessage(): void {
    this.arrived();
    this.attempt(() => this.#handlers?.onHalfClose());
  }

  protected override settle(status?: Status, code?: string): void {
    super.settle(status, code);
    this.#hold?.drop();
    this.#reader?.stop();
    this.#exchange.discardBody();
  }

  #holdBody(): void {
    const refuse = (error: StatusError): void => this.breakOff(error);
    this.#hold = new StreamHold(this.#exchange.unopenedBody, this.bytes, this.request, refuse);
    this.#hold.beginUnread();
  }

  #formHeaders(): string[] {
    const type = this.#form.textOut ? "application/grpc-web-text+proto" : "application/grpc-web+proto";
    return ["content-type", type, "grpc-accept-encoding", ACCEPTED_ENCODINGS];
  }

  /** @throws StatusError if the metadata cannot be sent. */
  #answerHeaders(): readonly string[] {
    return this.answerHeaders(this.#formHeaders(), this.packAboveBytes !== Number.POSITIVE_INFINITY);
  }

  #begin(headers: readonly string[]): void {
    const out = this.#exchange.begin(200, headers);
    if (out === undefined) return;
    const { maxSendBufferBytes } = this.context.options;
    const write = this.#form.textOut ? writeTextMessage : undefined;
    this.#out = out;
    this.#writer = new MessageWriter(out, maxSendBufferBytes, this.packAboveBytes, write);
  }

  #finish(trailers: readonly string[], error?: StatusError): void {
    this.settle(error?.status, error?.code);
    const frame = encodeTrailers(trailers);
    this.#writer?.end(this.#form.textOut ? frame.toString("base64") : frame);
  }

  #read(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      this.breakOff(error);
    }
  }
}

async function answerUnary(method: UnaryMethod, call: WebCall): Promise<void> {
  const reply = await method.handle(await onlyMessage(call), call);
  if (call.over) return;
  call.holdReply(reply);
  call.send(reply);
  call.end();
}
