// SPDX-License-Identifier: Apache-2.0

import { assert } from "./assert.ts";

/**
 * Counts the use of a limited resource (bytes, open requests, connections) that many holders share (I11). A holder is
 * a party that must not take everything: a peer address, and inside it a connection.
 *
 *     account ◀── holder ◀── holder ◀── charge
 *     (bound)    (address) (connection) (request)
 *
 * 1. *Exact.* The amount that an account or a holder has in use is the sum of what was taken and not given back. A
 *    charge that is closed gives back all it holds, once, however its request ended.
 * 2. *Bounded.* `take` refuses, and takes nothing, rather than exceed the bound.
 * 3. *Fair.* After a `take` no holder has more in use than is still available to the other holders beside it, to
 *    within one. So a single holder gets at most half of the account, two get a third each, and a newcomer always
 *    finds room. (The rule is the dynamic threshold of Choudhury and Hahne, "Dynamic Queue Length Thresholds for
 *    Shared-Memory Packet Switches", IEEE/ACM Transactions on Networking 6(2), 1998.)
 * 4. `overdraw` takes an amount that has already arrived and can no longer be refused. While the account is over its
 *    bound, everything else is refused.
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

  /** Opens a charge directly on the account: it may take all that is available, without a fair share. */
  charge(): Charge {
    return new Charge(this);
  }

  /**
   * Opens a charge that overdraws instead of refusing. For work that is bounded in number and does not begin before
   * `untilAvailable`.
   */
  patientCharge(): Charge {
    return new Charge(this, true);
  }

  /**
   * Creates a holder with a fair share (3). It needs no `close`, because a holder that holds nothing leaves no trace
   * here.
   */
  holder(): Holder {
    return new Holder(this);
  }

  /** Takes `amount` more. Returns false and takes nothing if less is available. */
  take(amount: number): boolean {
    if (amount > this.available) return false;
    this.#used += amount;
    return true;
  }

  /** Takes `amount` even beyond the bound (4). */
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
   * Resolves when anything is available. For work that learns only afterwards how much it needs, and then overdraws.
   * The owner of such work must bound how much of it runs at a time.
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

  /** Takes `amount` more. Returns false and takes nothing if that exceeds this holder's share. */
  take(amount: number): boolean {
    if (amount > this.available) return false;
    this.overdraw(amount);
    return true;
  }

  /** Takes `amount` even beyond the bound (4). */
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

/** The amount that one request holds of an account, until the charge is closed. */
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

  /**
   * Takes `amount` more. Returns false and takes nothing if that exceeds the holder's share (a patient charge
   * overdraws instead), and always after `close`.
   */
  take(amount: number): boolean {
    if (this.#isClosed) return false;
    if (this.#overdraws) this.#holder.overdraw(amount);
    else if (!this.#holder.take(amount)) return false;
    this.#held += amount;
    return true;
  }

  /** Takes `amount` even beyond the bound (4). Ignored after `close`. */
  overdraw(amount: number): void {
    if (this.#isClosed) return;
    this.#held += amount;
    this.#holder.overdraw(amount);
  }

  /** Gives `amount` back. Ignored after `close`. */
  give(amount: number): void {
    if (this.#isClosed || amount === 0) return;
    assert(amount <= this.#held, "no more is given back than was taken");
    this.#held -= amount;
    this.#holder.give(amount);
  }

  /**
   * Sets the held amount to `amount`, overdrawing if necessary. For example, when a request has become its response.
   */
  holdExactly(amount: number): void {
    if (amount > this.#held) this.overdraw(amount - this.#held);
    else this.give(this.#held - amount);
  }

  /** Gives everything back. Every later `take` is refused, and closing again does nothing. */
  close(): void {
    this.give(this.#held);
    this.#isClosed = true;
  }
}
