// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";

import { assert } from "../base/mod.ts";

import type { OpenRequest } from "./caller.ts";
import type { Encoding } from "./compression.ts";
import { IncomingCall } from "./incoming-call.ts";
import { MessageWriter, writable } from "./message-writer.ts";
import type { BidiMethod, ServerStreamCall, ServerStreamHandlers } from "./server-call.ts";
import type { ServerContext } from "./server-context.ts";

/**
 * A call with any number of messages in both directions.
 *
 * 1. Nothing is read from the caller before the method calls `receive`.
 * 2. The response headers are sent with the first message, or at the end if there is none.
 * 3. An error that a handler throws ends only this call (I12).
 */
export class BidiServerCall extends IncomingCall implements ServerStreamCall {
  readonly #method: BidiMethod;
  readonly #writer: MessageWriter;
  readonly #packs: boolean;
  #handlers: ServerStreamHandlers | undefined;

  constructor(
    context: ServerContext,
    request: OpenRequest,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    raw: readonly string[],
    encoding: Encoding,
    method: BidiMethod,
  ) {
    super(context, request, stream, headers, raw, encoding);
    this.#method = method;
    this.#packs = this.packAboveBytes !== Number.POSITIVE_INFINITY;
    this.#writer = new MessageWriter(stream, context.options.maxSendBufferBytes, this.packAboveBytes);
  }

  start(): void {
    this.awaitRequest(this.#method.takesOne !== true);
    this.#call(() => {
      const handled = this.#method.handle(this);
      if (!(handled instanceof Promise)) return;
      this.during(handled);
      handled.catch((error: unknown) => this.failWith(error));
    });
  }

  receive(handlers: ServerStreamHandlers): void {
    assert(this.#handlers === undefined, "a call is received once");
    this.#handlers = handlers;
    this.read();
  }

  send(bytes: Uint8Array): boolean {
    if (this.over) return false;
    this.moved();
    this.arrived();
    try {
      if (!this.stream.headersSent && !this.respond(this.responseHeaders(this.#packs))) return false;
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
      fields = this.okFields();
      if (!this.stream.headersSent && !this.respond(this.responseHeaders(false))) return;
    } catch (error) {
      this.failWith(error);
      return;
    }
    this.settle();
    this.finish(fields);
  }

  onMessage(bytes: Uint8Array): void {
    this.arrived();
    this.#call(() => this.#handlers?.onMessage(bytes));
    this.bytes.give(bytes.length);
  }

  onLastMessage(): void {
    this.arrived();
    this.#call(() => this.#handlers?.onHalfClose());
  }

  protected override finish(fields: OutgoingHttpHeaders): void {
    this.endFields = fields;
    this.#writer.end();
  }

  #call(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.failWith(error);
    }
  }
}
