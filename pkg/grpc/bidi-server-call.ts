// SPDX-License-Identifier: Apache-2.0

import type { OutgoingHttpHeaders } from "node:http2";

import { assert } from "../base/mod.ts";

import { IncomingCall } from "./incoming-call.ts";
import { MessageWriter, writable } from "./message-writer.ts";
import type { BidiMethod, ServerStreamCall, ServerStreamHandlers } from "./server-call.ts";
import { RESPONSE_HEADERS } from "./server-response.ts";

/**
 * A call with any number of messages in both directions.
 *
 * 1. Nothing is read from the caller before the method calls `receive`.
 * 2. The response headers are sent with the first message, or at the end if there is none.
 * 3. An error that a handler throws ends only this call (I12).
 */
export class BidiServerCall extends IncomingCall<BidiMethod> implements ServerStreamCall {
  readonly #writer = new MessageWriter(
    this.stream,
    this.context.options.maxSendBufferBytes,
    this.packAboveBytes,
  );
  #handlers: ServerStreamHandlers | undefined;

  start(): void {
    this.awaitRequest(this.method.takesOne !== true);
    this.reader.awaitOpen();
    this.attempt(() => this.follow(this.method.handle(this)));
  }

  receive(handlers: ServerStreamHandlers): void {
    assert(this.#handlers === undefined, "a call is received once");
    this.#handlers = handlers;
    this.reader.open();
    this.read();
  }

  send(bytes: Uint8Array): boolean {
    if (this.over) return false;
    this.moved();
    this.arrived();
    try {
      if (!this.stream.headersSent && !this.#begin()) return false;
      return writable(this.stream) && this.#writer.send(bytes);
    } catch (error) {
      this.failWith(error);
      return false;
    }
  }

  drained(): Promise<void> {
    return this.over ? Promise.resolve() : this.taken(this.stream);
  }

  pause(): void {
    this.reader.pause();
  }

  resume(): void {
    this.reader.resume();
  }

  end(): void {
    if (this.over) return;
    let fields: OutgoingHttpHeaders;
    try {
      fields = this.okTrailers();
      if (!this.stream.headersSent && !this.respond(this.answerHeaders(RESPONSE_HEADERS, false))) return;
    } catch (error) {
      return this.failWith(error);
    }
    this.settle();
    this.finish(fields);
  }

  onMessage(bytes: Uint8Array): void {
    this.arrived();
    this.attempt(() => this.#handlers?.onMessage(bytes));
    this.bytes.give(bytes.length);
  }

  onLastMessage(): void {
    this.arrived();
    this.attempt(() => this.#handlers?.onHalfClose());
  }

  /** @throws StatusError if the method's metadata cannot be sent. */
  #begin(): boolean {
    const packs = this.packAboveBytes !== Number.POSITIVE_INFINITY;
    return this.respond(this.answerHeaders(RESPONSE_HEADERS, packs));
  }

  protected override finish(fields: OutgoingHttpHeaders): void {
    this.endFields = fields;
    this.#writer.end();
  }
}
