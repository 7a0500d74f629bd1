// SPDX-License-Identifier: Apache-2.0

import { assert, BoundedQueue } from "../../base/mod.ts";
import type { StatusError } from "../../grpc/mod.ts";

import type { EntityInstruments } from "../instruments.ts";
import type { Delivery } from "./delivery.ts";
import type { EntityWatch } from "./entity-watch.ts";

/** Is told what becomes of the commands. */
interface MailboxWatch extends Pick<EntityWatch, "rejected"> {
  readonly measured: Pick<EntityInstruments, "queued" | "dequeued">;
}

/**
 * The commands that wait for an entity, in the order in which it carries them out.
 *
 * 1. (I11) At most `capacity` commands wait in the order of their arrival. One more, which has had its turn and is to
 *    be carried out again, waits before them.
 * 2. While a command waits, it is noted if its caller leaves (`abandoned`).
 */
export class Mailbox {
  readonly #queue: BoundedQueue<Delivery>;
  readonly #watch: MailboxWatch;
  #first: Delivery | undefined;

  constructor(capacity: number, watch: MailboxWatch) {
    this.#queue = new BoundedQueue(capacity);
    this.#watch = watch;
  }

  get isEmpty(): boolean {
    return this.#first === undefined && this.#queue.size === 0;
  }

  /** Commands that wait. */
  get size(): number {
    return this.#queue.size + (this.#first === undefined ? 0 : 1);
  }

  /** The command that `shift` would give. */
  get first(): Delivery | undefined {
    return this.#first ?? this.#queue.first;
  }

  /** Adds a command that has arrived. False, and nothing happens, if the mailbox is full. */
  push(delivery: Delivery): boolean {
    if (!this.#queue.push(delivery)) return false;
    this.#watch.measured.queued.add(1);
    noteAbandoned(delivery);
    return true;
  }

  /** Puts a command that was taken back before all others. */
  putFirst(delivery: Delivery): void {
    assert(this.#first === undefined, "I2: one command at a time has its turn");
    this.#first = delivery;
    this.#watch.measured.queued.add(1);
    noteAbandoned(delivery);
  }

  shift(): Delivery | undefined {
    const next = this.#first ?? this.#queue.shift();
    this.#first = undefined;
    if (next !== undefined) this.#watch.measured.dequeued.add(1);
    return next;
  }

  rejectAll(error: StatusError): void {
    for (let next = this.shift(); next !== undefined; next = this.shift()) {
      this.#watch.rejected(next, error);
      next.reject(error);
    }
  }
}

function noteAbandoned(delivery: Delivery): void {
  delivery.command.call.onCancel(() => {
    delivery.abandoned = true;
  });
}
