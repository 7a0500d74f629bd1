// SPDX-License-Identifier: Apache-2.0

import { assert } from "./assert.ts";

/**
 * An account of something that there is only so much of (bytes, open requests, connections), which many holders share
 * (I11). A holder is whoever must not take everything: a peer address, and inside it a connection.
 *
 *     account ◀── holder ◀── holder ◀── charge
 *     (bound)    (address) (connection) (request)
 *
 * 1. *Exact.* What an account, or a holder, has in use is the sum of what its open charges hold. Closing a charge gives
 *    all of it back, once, however its request ended.
 * 2. *Bounded.* `take` refuses, and takes nothing, rather than exceed the bound.
 * 3. *Fair.* After a `take` no holder has more in use than what is still available to the others beside it. So one
 *    holder alone gets at most half of the account, two get a third each, and a newcomer always finds room. (The rule is
 *    the dynamic threshold of Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet Switches",
 *    IEEE/ACM Transactions on Networking 6(2), 1998.)
 * 4. `overdraw` takes what has already arrived and cannot be refused any more. Until that much has been given back,
 *    everything else is refused.
 */
export class Account {
  readonly max: number;
  #used = 0;

  constructor(max: number) {
    this.max = max;
  }

  /** What open charges hold. */
  get used(): number {
    return this.#used;
  }

  /** What can still be taken; negative after an overdraft. */
  get available(): number {
    return this.max - this.#used;
  }

  /** A holder with a fair share. There is nothing to close: a holder without open charges costs nothing here. */
  holder(): Holder {
    return new Holder(this);
  }

  /** Of a holder: takes it from the account as well. */
  add(amount: number): void {
    this.#used += amount;
    assert(this.#used >= 0, "no more is given back than was taken");
  }
}

/** One of those that share an account. */
export class Holder {
  readonly #parent: Account | Holder;
  #used = 0;

  constructor(parent: Account | Holder) {
    this.#parent = parent;
  }

  get used(): number {
    return this.#used;
  }

  /** What this holder can still take: afterwards it has no more in use than is available beside it (3). */
  get available(): number {
    return Math.floor((this.#parent.available - this.#used) / 2);
  }

  /** A holder within this one, as a connection of an address. */
  holder(): Holder {
    return new Holder(this);
  }

  /** Opens a charge that holds nothing yet. */
  charge(): Charge {
    return new Charge(this);
  }

  /** Of a charge, or of a holder within this one. */
  add(amount: number): void {
    this.#used += amount;
    this.#parent.add(amount);
  }
}

/** What one request holds of an account. Not to be used after `close`, except for `close`, `give` and `held`. */
export class Charge {
  readonly #holder: Holder;
  #held = 0;
  #isClosed = false;

  constructor(holder: Holder) {
    this.#holder = holder;
  }

  /** What this charge holds. */
  get held(): number {
    return this.#held;
  }

  /** What `take` would still grant. */
  get available(): number {
    return this.#isClosed ? 0 : this.#holder.available;
  }

  /** Takes so much more. False, and nothing is taken, if the holder may not have it; always false after `close`. */
  take(amount: number): boolean {
    if (this.#isClosed || amount > this.#holder.available) return false;
    this.#add(amount);
    return true;
  }

  /** Takes what cannot be refused any more (4). After `close` nothing. */
  overdraw(amount: number): void {
    if (!this.#isClosed) this.#add(amount);
  }

  /** Gives so much back. After `close` there is nothing to give. */
  give(amount: number): void {
    if (this.#isClosed) return;
    assert(amount <= this.#held, "no more is given back than was taken");
    this.#add(-amount);
  }

  /** Gives everything back. Nothing is taken any more; closing again does nothing. */
  close(): void {
    if (this.#isClosed) return;
    this.#add(-this.#held);
    this.#isClosed = true;
  }

  #add(amount: number): void {
    this.#held += amount;
    this.#holder.add(amount);
  }
}
