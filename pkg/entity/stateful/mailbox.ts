// SPDX-License-Identifier: Apache-2.0

import { assert, BoundedQueue } from "../../base/mod.ts";
import type { StatusError } from "../../grpc/mod.ts";

import type { Delivery } from "./delivery.ts";

/**
 * The commands that wait for an entity, in the order in which it carries them out.
 *
 * 1. (I11) At most `capacity` commands wait in the order of their arrival. One more, which has had its turn and is to
 *    be carried out again, waits before them.
 * 2. While a command waits, it is noted if its caller leaves (`abandoned`).
 */
export class Mailbox {
  readonly #queue: BoundedQueue<Delivery>;
  #first: Delivery | undefined;

  constructor(capacity: number) {
    this.#queue = new BoundedQueue(capacity);
  }

  get capacity(): number {
    return this.#queue.capacity;
  }

  get isEmpty(): boolean {
    return this.#first === undefined && this.#queue.size === 0;
  }

  /** Adds a command that has arrived. False, and nothing happens, if the mailbox is full. */
  push(delivery: Delivery): boolean {
    if (!this.#queue.push(delivery)) return false;
    noteAbandoned(delivery);
    return true;
  }

  /** Puts a command that was taken back before all others. */
  putFirst(delivery: Delivery): void {
    assert(this.#first === undefined, "I2: one command at a time has its turn");
    this.#first = delivery;
    noteAbandoned(delivery);
  }

  /** Takes the next command; undefined if none waits. */
  shift(): Delivery | undefined {
    const first = this.#first;
    if (first === undefined) return this.#queue.shift();
    this.#first = undefined;
    return first;
  }

  /** Takes all commands. Their callers get the error. */
  rejectAll(error: StatusError): void {
    for (let next = this.shift(); next !== undefined; next = this.shift()) next.reject(error);
  }
}

function noteAbandoned(delivery: Delivery): void {
  delivery.command.call.onCancel(() => {
    delivery.abandoned = true;
  });
}
