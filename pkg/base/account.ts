// SPDX-License-Identifier: Apache-2.0

import { assert } from "./assert.ts";

/**
 * An account of something that there is only so much of (bytes, open requests, connections), which many holders share
 * (I11). A holder is what must not take everything: a peer address, and inside it a connection.
 *
 *     account ◀── holder ◀── holder ◀── charge
 *     (bound)    (address) (connection) (request)
 *
 * 1. *Exact.* What an account, or a holder, has in use is the sum of what was taken and not given back. A charge gives
 *    all of its part back when it is closed, once, however its request ended.
 * 2. *Bounded.* `take` refuses, and takes nothing, rather than exceed the bound.
 * 3. *Fair.* After a `take` no holder has more in use than what is still available to the others beside it, to within
 *    one. So one holder alone gets at most half of the account, two get a third each, and a newcomer always finds room.
 *    (The rule is the dynamic threshold of Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet
 *    Switches", IEEE/ACM Transactions on Networking 6(2), 1998.)
 * 4. `overdraw` takes what has already arrived and cannot be refused any more. Until that much has been given back,
 *    everything else is refused.
 */
export class Account {
  readonly max: number;
  #used = 0;
  #waiting: (() => void)[] = [];

  constructor(max: number) {
    this.max = max;
  }

  /** What was taken and not given back. */
  get used(): number {
    return this.#used;
  }

  /** What can still be taken; negative after an overdraft. */
  get available(): number {
    return this.max - this.#used;
  }

  /** Opens a charge that has the whole account for itself. */
  charge(): Charge {
    return new Charge(this);
  }

  /**
   * Opens a charge that is never refused, but overdraws: for work whose number is bounded, and which does not begin before
   * `untilAvailable`.
   */
  patientCharge(): Charge {
    return new Charge(this, true);
  }

  /** A holder with a fair share. There is nothing to close: a holder that holds nothing costs nothing here. */
  holder(): Holder {
    return new Holder(this);
  }

  /** Takes so much more. False, and nothing is taken, if there is not so much. */
  take(amount: number): boolean {
    if (amount > this.available) return false;
    this.#used += amount;
    return true;
  }

  /** Takes what cannot be refused any more (4). */
  overdraw(amount: number): void {
    this.#used += amount;
  }

  give(amount: number): void {
    assert(amount <= this.#used, "no more is given back than was taken");
    this.#used -= amount;
    if (this.#waiting.length === 0 || this.available <= 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /**
   * Resolves when anything can be taken, for work that learns only afterwards how much it takes and then overdraws. Its
   * owner bounds how much of such work there is.
   */
  untilAvailable(): Promise<void> {
    if (this.available > 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
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
    return Math.ceil((this.#parent.available - this.#used) / 2);
  }

  /** A holder within this one, as a connection of an address. */
  holder(): Holder {
    return new Holder(this);
  }

  /** Opens a charge that holds nothing yet. */
  charge(): Charge {
    return new Charge(this);
  }

  /** Takes so much more. False, and nothing is taken, if this holder may not have it. */
  take(amount: number): boolean {
    if (amount > this.available) return false;
    this.overdraw(amount);
    return true;
  }

  /** Takes what cannot be refused any more (4). */
  overdraw(amount: number): void {
    this.#used += amount;
    this.#parent.overdraw(amount);
  }

  give(amount: number): void {
    assert(amount <= this.#used, "no more is given back than was taken");
    this.#used -= amount;
    this.#parent.give(amount);
  }
}

/** What one request holds of an account, until it is closed. */
export class Charge {
  readonly #holder: Account | Holder;
  readonly #overdraws: boolean;
  #held = 0;
  #isClosed = false;

  constructor(holder: Account | Holder, overdraws = false) {
    this.#holder = holder;
    this.#overdraws = overdraws;
  }

  get held(): number {
    return this.#held;
  }

  /** What `take` would grant now. */
  get available(): number {
    return this.#isClosed ? 0 : this.#holder.available;
  }

  /** Takes so much more. False, and nothing is taken, if the holder may not have it; always false after `close`. */
  take(amount: number): boolean {
    if (this.#isClosed) return false;
    if (this.#overdraws) this.#holder.overdraw(amount);
    else if (!this.#holder.take(amount)) return false;
    this.#held += amount;
    return true;
  }

  /** Takes what cannot be refused any more (4). After `close` nothing. */
  overdraw(amount: number): void {
    if (this.#isClosed) return;
    this.#held += amount;
    this.#holder.overdraw(amount);
  }

  /** Gives so much back. After `close` there is nothing to give. */
  give(amount: number): void {
    if (this.#isClosed || amount === 0) return;
    assert(amount <= this.#held, "no more is given back than was taken");
    this.#held -= amount;
    this.#holder.give(amount);
  }

  /** Holds exactly so much from now on, because what it held so far has become something else. */
  holdExactly(amount: number): void {
    if (amount > this.#held) this.overdraw(amount - this.#held);
    else this.give(this.#held - amount);
  }

  /** Gives everything back. Nothing is taken any more; closing again does nothing. */
  close(): void {
    this.give(this.#held);
    this.#isClosed = true;
  }
}
