// SPDX-License-Identifier: Apache-2.0

import type { handleBidiStreamingCall, ServerDuplexStream } from "@grpc/grpc-js";

import type { EntityInstance, EntityOut } from "./entity-instance.ts";

/** The `handle` method of a kind of entities. Each stream has an entity in memory, and is in `open` until it closes. */
export function entityHandler<In, Out extends EntityOut>(
  instance: () => EntityInstance<In, Out>,
  open: Set<Drainable>,
): handleBidiStreamingCall<In, Out> {
  const onClose = (stream: Drainable): boolean => open.delete(stream);
  return (call) => {
    open.add(new EntityStream(call, instance(), onClose));
  };
}

/** Something that ends as soon as it can. */
export interface Drainable {
  drain(): void;
}

/**
 * Couples an entity in memory to its gRPC stream.
 *
 * 1. *One at a time*: while an async handler runs, or while the proxy does not read, the stream is paused, so that
 *    flow control holds the proxy back and nothing piles up here.
 * 2. *Both directions end together*: when the proxy half-closes, when the entity broke, when `drain` was called.
 */
class EntityStream<In, Out extends EntityOut> {
  readonly #call: ServerDuplexStream<In, Out>;
  readonly #instance: EntityInstance<In, Out>;
  #busy = false;
  #draining = false;
  #ended = false;

  constructor(
    call: ServerDuplexStream<In, Out>,
    instance: EntityInstance<In, Out>,
    onClose: (stream: Drainable) => void,
  ) {
    this.#call = call;
    this.#instance = instance;
    call.on("data", (message: In) => this.#receive(message));
    // Node emits "end" with the last message, even on a paused stream. Its command may still be running.
    call.on("end", () => this.drain());
    call.on("cancelled", () => {
      this.#ended = true;
    });
    call.on("close", () => onClose(this));
  }

  /** Ends the stream as soon as no command is running. */
  drain(): void {
    this.#draining = true;
    if (!this.#busy) this.#end();
  }

  #receive(message: In): void {
    if (this.#ended) return;
    const out = this.#instance.receive(message);
    if (out === undefined) return;
    if (!(out instanceof Promise)) {
      this.#send(out);
      return;
    }
    this.#busy = true;
    this.#call.pause();
    // The instance never rejects: it answers an error with a message too.
    void out.then((answer) => {
      this.#busy = false;
      if (!this.#ended) this.#send(answer);
    });
  }

  #send(out: Out): void {
    const more = this.#call.write(out);
    if (out.message.case === "failure" || this.#draining) {
      this.#end();
    } else if (more) {
      this.#call.resume();
    } else {
      this.#call.pause();
      this.#call.once("drain", () => this.#call.resume());
    }
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#call.end();
  }
}
