// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";

import type { OpenRequest } from "./caller.ts";
import { REQUEST_BYTES } from "./caller.ts";
import type { Encoding } from "./compression.ts";
import { grpcError } from "./grpc-error.ts";
import { IncomingCall } from "./incoming-call.ts";
import { MessageWriter } from "./message-writer.ts";
import type { UnaryMethod } from "./server-call.ts";
import type { ServerContext } from "./server-context.ts";
import type { StatusError } from "./status.ts";
import { Status } from "./status.ts";

/**
 * A call with one message in and one out.
 *
 * 1. The method is called once, with a request that has arrived whole and alone, or not at all.
 * 2. An answer that comes after the call is over is dropped.
 * 3. The request is counted until the answer is there, and the answer until it is sent (I11).
 */
export class UnaryServerCall extends IncomingCall {
  readonly #method: UnaryMethod;
  #request: Uint8Array | undefined;

  constructor(
    context: ServerContext,
    request: OpenRequest,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    raw: readonly string[],
    encoding: Encoding,
    method: UnaryMethod,
  ) {
    super(context, request, stream, headers, raw, encoding);
    this.#method = method;
  }

  start(): void {
    this.awaitRequest(false);
    this.read();
  }

  onMessage(bytes: Uint8Array): void {
    if (this.#request === undefined) this.#request = bytes;
    else this.fail(messageCount("more than one message"));
  }

  onLastMessage(): void {
    this.arrived();
    if (this.over) return;
    const request = this.#request;
    if (request === undefined) {
      this.fail(messageCount("no message"));
      return;
    }
    this.#request = undefined;
    try {
      const handled = this.#method.handle(request, this);
      this.workBegins();
      handled.then(
        (reply) => {
          this.workEnded();
          this.#reply(reply);
        },
        (error: unknown) => {
          this.workEnded();
          this.failWith(error);
        },
      );
    } catch (error) {
      this.failWith(error);
    }
  }

  #reply(reply: Uint8Array): void {
    if (this.over) return;
    const { packAboveBytes } = this;
    let headers: readonly string[];
    try {
      headers = this.responseHeaders(reply.length > packAboveBytes);
      this.endFields = this.okFields();
    } catch (error) {
      this.failWith(error);
      return;
    }
    this.settle();
    this.bytes.holdExactly(REQUEST_BYTES + reply.length);
    if (this.respond(headers))
      new MessageWriter(this.stream, Number.POSITIVE_INFINITY, packAboveBytes).sendLast(reply);
  }
}

function messageCount(found: string): StatusError {
  return grpcError(Status.UNIMPLEMENTED, "MESSAGE_COUNT", `the request of a unary call has ${found}`);
}
