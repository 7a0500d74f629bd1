// SPDX-License-Identifier: Apache-2.0

import type { CallEnd } from "./call-end.ts";
import { CallError } from "./call-end.ts";
import type { ClientStream, StreamHandlers } from "./client-call.ts";
import { grpcError } from "./grpc-error.ts";
import type { Metadata } from "./metadata.ts";
import { Status, StatusError } from "./status.ts";

/** The answer to a unary call. */
export class UnaryReply {
  /** The bytes may be a view of a larger buffer: copy what is kept for long. */
  readonly message: Uint8Array;
  readonly #end: CallEnd;

  constructor(message: Uint8Array, end: CallEnd) {
    this.message = message;
    this.#end = end;
  }

  /** What the peer sent before its message. */
  get metadata(): Metadata {
    return this.#end.metadata;
  }

  /** What the peer sent after its message. */
  get trailers(): Metadata {
    return this.#end.trailers;
  }
}

/** Settles a promise with the outcome of a call that takes exactly one message. */
export class UnaryCollector implements StreamHandlers {
  readonly #resolve: (reply: UnaryReply) => void;
  readonly #reject: (error: Error) => void;
  #call: ClientStream | undefined;
  #message: Uint8Array | undefined;
  #tooMany = false;

  constructor(resolve: (reply: UnaryReply) => void, reject: (error: Error) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  attach(call: ClientStream): void {
    this.#call = call;
  }

  onMessage(bytes: Uint8Array): void {
    this.#tooMany = this.#message !== undefined;
    this.#message = bytes;
    if (this.#tooMany) this.#call?.cancel();
  }

  onEnd(end: CallEnd): void {
    if (end.status !== Status.OK && !this.#tooMany) {
      this.#reject(end.cause instanceof StatusError ? end.cause : new CallError(end));
    } else if (this.#message !== undefined && !this.#tooMany) {
      this.#resolve(new UnaryReply(this.#message, end));
    } else {
      const text = `the answer to a unary call has ${this.#tooMany ? "more than one message" : "no message"}`;
      this.#reject(grpcError(Status.UNIMPLEMENTED, "MESSAGE_COUNT", text));
    }
  }
}
