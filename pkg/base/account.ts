// SPDX-License-Identifier: Apache-2.0

import { assert } from "./assert.ts";

/**
 * Counts the use of a limited resource (bytes, open requests, connections) that many holders share (I11). A holder is
 * a party that must not take everything, as a connection. Holders may be in a group, as the connections of an address.
 *
 *     account ◀── group ◀── holder ◀── charge
 *     (bound)   (address) (connection) (request)
 *
 * 1. *Exact.* The amount that an account or a holder has in use is the sum of what was taken and not given back. A
 *    charge that is closed gives back all it holds, once, however its request ended.
 * 2. *Bounded.* `take` refuses, and takes nothing, rather than exceed the bound.
 * 3. *Fair.* After a `take` no holder has more in use, beyond its floor, than is still available to the others, to
 *    within one; the same is true of groups. So a single holder gets at most half of what is shared, and two get a
 *    third each. (The rule is the dynamic threshold of Choudhury and Hahne, "Dynamic Queue Length Thresholds for
 *    Shared-Memory Packet Switches", IEEE/ACM Transactions on Networking 6(2), 1998.)
 * 4. *Room for the modest.* By (3) alone those who come one after the other and give nothing back get a half, a
 *    quarter, an eighth, and soon nothing. So a part of the account is set aside as floors, and only the rest is
 *    shared. A holder has a floor as long as it has anything in use, and up to that it is never refused. If all floors
 *    are in use, a further holder has only its share.
 * 5. `overdraw` takes an amount that has already arrived and can no longer be refused. While the account is over its
 *    bound, everything beyond the floors is refused.
 */
export class Account {
  readonly max: number;
  readonly #floors: Floors;
  #used = 0;
  /** What is in use beyond floors. */
  #shared = 0;
  #openFloors = 0;
  #refusals = 0;
  #waiting: (() => void)[] = [];

  constructor(max: number, floors: Floors = NO_FLOORS) {
    assert(floors.count * floors.each <= max, "an account is at least as large as its floors");
    this.max = max;
    this.#floors = floors;
  }

  /** What was taken and not given back. */
  get used(): number {
    return this.#used;
  }

  /** How often `take` has refused, here or in a holder. */
  get refusals(): number {
    return this.#refusals;
  }

  /** What can still be taken beyond floors; negative after an overdraft. */
  get available(): number {
    return this.max - this.#floors.count * this.#floors.each - this.#shared;
  }

  /** The floor of a holder that now begins to use something. */
  get nextFloor(): number {
    return this.#openFloors < this.#floors.count ? this.#floors.each : 0;
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
   * Creates a holder with a floor (4) and a fair share (3). It needs no `close`, because a holder that holds nothing
   * leaves no trace here.
   */
  holder(): Holder {
    return new Holder(this, this);
  }

  /** Creates a group, which has a fair share (3) for all its holders together. It needs no `close` either. */
  group(): Group {
    return new Group(this);
  }

  /** Takes `amount` more. Returns false and takes nothing if less is available. */
  take(amount: number): boolean {
    if (amount > this.available) {
      this.refused();
      return false;
    }
    this.change(amount, amount);
    return true;
  }

  /** Counts a refusal. */
  refused(): void {
    this.#refusals++;
  }

  /** Takes `amount` even beyond the bound (5). */
  overdraw(amount: number): void {
    this.change(amount, amount);
  }

  give(amount: number): void {
    this.change(-amount, -amount);
  }

  /** A holder begins to use something (by 1), or uses nothing any more (by -1), and has a floor. */
  changeFloors(by: 1 | -1): void {
    this.#openFloors += by;
  }

  /** Takes `by` more, of which `shared` is beyond floors. Negative: gives back. */
  change(by: number, shared: number): void {
    this.#used += by;
    this.#shared += shared;
    assert(this.#used >= 0, "no more is given back than was taken");
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

/** What is set aside of an account: so many holders at a time may have so much each, whatever others have (4). */
export interface Floors {
  readonly count: number;
  readonly each: number;
}

const NO_FLOORS: Floors = { count: 0, each: 0 };

/** Holders that have a fair share together. */
export class Group {
  readonly #account: Account;
  #used = 0;
  #shared = 0;

  constructor(account: Account) {
    this.#account = account;
  }

  get used(): number {
    return this.#used;
  }

  /** What its holders can still take together, beyond their floors (3). */
  get available(): number {
    return Math.ceil((this.#account.available - this.#shared) / 2);
  }

  /** A holder within this one, as a connection of an address. */
  holder(): Holder {
    return new Holder(this.#account, this);
  }

  /** Takes `by` more, of which `shared` is beyond floors. Negative: gives back. */
  change(by: number, shared: number): void {
    this.#used += by;
    this.#shared += shared;
    this.#account.change(by, shared);
  }
}

/** One of those that share an account. */
export class Holder {
  readonly #account: Account;
  readonly #parent: Account | Group;
  #used = 0;
  /** What it may have without sharing. Meaningful while anything is in use. */
  #floor = 0;

  constructor(account: Account, parent: Account | Group) {
    this.#account = account;
    this.#parent = parent;
  }

  get used(): number {
    return this.#used;
  }

  /** What this holder can still take: what its floor has left (4), and its share (3). */
  get available(): number {
    const floor = this.#used === 0 ? this.#account.nextFloor : this.#floor;
    const left = floor - this.#used;
    const share = Math.ceil((this.#parent.available - Math.max(0, -left)) / 2);
    return left > 0 ? left + Math.max(0, share) : share;
  }

  /** Opens a charge that holds nothing yet. */
  charge(): Charge {
    return new Charge(this);
  }

  /** Takes `amount` more. Returns false and takes nothing if that exceeds this holder's floor and share. */
  take(amount: number): boolean {
    if (amount > this.available) {
      this.#account.refused();
      return false;
    }
    this.overdraw(amount);
    return true;
  }

  /** Takes `amount` even beyond the bound (5). */
  overdraw(amount: number): void {
    if (amount === 0) return;
    if (this.#used === 0) {
      this.#floor = this.#account.nextFloor;
      if (this.#floor > 0) this.#account.changeFloors(1);
    }
    this.#change(amount);
  }

  give(amount: number): void {
    if (amount === 0) return;
    assert(amount <= this.#used, "no more is given back than was taken");
    this.#change(-amount);
    if (this.#used === 0 && this.#floor > 0) this.#account.changeFloors(-1);
  }

  #change(by: number): void {
    const before = Math.max(0, this.#used - this.#floor);
    this.#used += by;
    this.#parent.change(by, Math.max(0, this.#used - this.#floor) - before);
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
