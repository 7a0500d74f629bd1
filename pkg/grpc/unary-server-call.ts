// SPDX-License-Identifier: Apache-2.0

import { grpcError } from "./grpc-error.ts";
import { IncomingCall } from "./incoming-call.ts";
import { MessageWriter } from "./message-writer.ts";
import type { UnaryMethod } from "./server-call.ts";
import { RESPONSE_HEADERS } from "./server-response.ts";
import type { StatusError } from "./status.ts";
import { Status } from "./status.ts";

/**
 * A call with one message in and one out.
 *
 * 1. The method is called once, with a request that has arrived whole and alone, or not at all.
 * 2. An answer that comes after the call is over is dropped.
 * 3. The request is counted until the answer is there, and the answer until it is sent (I11).
 */
export class UnaryServerCall extends IncomingCall<UnaryMethod> {
  #message: Uint8Array | undefined;

  start(): void {
    this.awaitRequest(false);
    this.read();
  }

  onMessage(bytes: Uint8Array): void {
    if (this.#message === undefined) this.#message = bytes;
    else this.fail(messageCount("more than one message"));
  }

  onLastMessage(): void {
    this.arrived();
    if (this.over) return;
    const message = this.#message;
    if (message === undefined) return this.fail(messageCount("no message"));
    this.#message = undefined;
    try {
      const handled = this.method.handle(message, this);
      this.request.workBegins();
      handled.then(
        (reply) => {
          this.request.workEnded();
          this.#reply(reply);
        },
        (error: unknown) => {
          this.request.workEnded();
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
      headers = this.answerHeaders(RESPONSE_HEADERS, reply.length > packAboveBytes);
      this.endFields = this.okTrailers();
    } catch (error) {
      return this.failWith(error);
    }
    this.settle();
    this.holdReply(reply);
    if (this.respond(headers))
      new MessageWriter(this.stream, Number.POSITIVE_INFINITY, packAboveBytes).sendLast(reply);
  }
}

function messageCount(found: string): StatusError {
  return grpcError(Status.UNIMPLEMENTED, "MESSAGE_COUNT", `the request of a unary call has ${found}`);
}
