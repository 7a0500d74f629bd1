// SPDX-License-Identifier: Apache-2.0

import type { Http2Session } from "node:http2";

import { Account } from "../base/mod.ts";
import type { Charge, Holder } from "../base/mod.ts";

/** What all callers of one server share (I11). */
export interface CallerAccounts {
  /** Memory of requests and their responses, in bytes. */
  readonly bytes: Account;
  /** Open requests. */
  readonly requests: Account;
  /** Open requests beyond those, for questions about health only: they are answered while all others are refused. */
  readonly reserve: Account;
}

/** One connection of a caller, and its share of the accounts. */
export interface Caller {
  readonly bytes: Holder;
  readonly requests: Holder;
  readonly reserve: Holder;
  readonly unread: Unread;
  /** It has given up a request before it was answered. */
  readonly onGivenUp: () => void;
}

/** What was sent to a connection and not taken by its peer yet: shows a peer that does not read. */
export class Unread {
  #waiting = 0;
  #taken = 0;

  /** Responses, or parts of them, that the peer has yet to take. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Those that it has taken, from the connection's beginning on. */
  get taken(): number {
    return this.#taken;
  }

  sent(): void {
    this.#waiting++;
  }

  /** The peer has taken it, or will never. */
  settled(): void {
    this.#waiting--;
    this.#taken++;
  }
}

/**
 * What an open request costs before it has any bytes, in bytes: its stream, its headers and what is made of them.
 * Measured: 10,000 open streams take 10 KiB each, headers included; the fraction that lives in V8's heap shrinks with
 * its collections.
 */
export const REQUEST_BYTES = 8_192;

/** Open requests that are kept for questions about health. */
const RESERVED_REQUESTS = 64;

export function callerAccounts(maxBytes: number, maxRequests: number): CallerAccounts {
  return {
    bytes: new Account(maxBytes),
    requests: new Account(maxRequests),
    reserve: new Account(RESERVED_REQUESTS),
  };
}

/** A connection. `requests` is the share that it takes part in: its address's, or the whole account. */
export function newCaller(
  accounts: CallerAccounts,
  requests: Account | Holder = accounts.requests,
  onGivenUp: () => void = () => undefined,
): Caller {
  return {
    onGivenUp,
    bytes: accounts.bytes.holder(),
    requests: requests.holder(),
    reserve: accounts.reserve.holder(),
    unread: new Unread(),
  };
}

const CALLER = Symbol("caller");

interface CallerSession extends Http2Session {
  [CALLER]?: Caller;
}

/** Says whose connection a session is. */
export function assignCaller(session: Http2Session, caller: Caller): void {
  (session as CallerSession)[CALLER] = caller;
}

/** Whose connection a session is: a caller of its own, if it was not said. */
export function callerOf(session: Http2Session | undefined, accounts: CallerAccounts): Caller {
  if (session === undefined) return newCaller(accounts);
  return ((session as CallerSession)[CALLER] ??= newCaller(accounts));
}

/** Of which account a caller gets no more. */
export type Refusal = "requests" | "bytes";

/**
 * What one open request holds of its caller's share: a place, and bytes. A refused one holds nothing, and is there to be
 * answered.
 *
 * 1. The place is given back when the request is closed: answered and taken, or its caller gone.
 * 2. Its bytes are given back then too, but not before what was begun for it has ended: a command that the user function
 *    has is carried out, and takes its memory, also when its caller has gone.
 */
export class OpenRequest {
  readonly refusal: Refusal | undefined;
  readonly bytes: Charge;
  readonly #caller: Caller;
  readonly #places: Holder;
  #state: "open" | "answered" | "closed" = "open";
  /** What was begun for it and has not ended. */
  #working = 0;

  /** @param isReserved whether it is a question about health, which has places of its own. */
  constructor(caller: Caller, isReserved = false) {
    this.#caller = caller;
    this.#places = isReserved ? caller.reserve : caller.requests;
    this.bytes = caller.bytes.charge();
    if (!this.#places.take(1)) {
      this.refusal = "requests";
    } else if (isReserved) {
      this.bytes.overdraw(REQUEST_BYTES);
    } else if (!this.bytes.take(REQUEST_BYTES)) {
      this.#places.give(1);
      this.refusal = "bytes";
    }
  }

  /** Its bytes are not given back before this has ended (2). */
  during(work: Promise<unknown>): void {
    this.#working++;
    const ended = (): void => {
      this.#working--;
      if (this.#state === "closed") this.#giveBytes();
    };
    work.then(ended, ended);
  }

  /** The whole response has been handed to the connection, whose peer has yet to take it. */
  answered(): void {
    if (this.#state !== "open") return;
    this.#state = "answered";
    this.#caller.unread.sent();
  }

  /** Waits until the peer takes more of a response that is not whole yet. */
  async taken(drained: Promise<void>): Promise<void> {
    const { unread } = this.#caller;
    unread.sent();
    await drained;
    unread.settled();
  }

  close(): void {
    if (this.#state === "closed") return;
    if (this.#state === "answered") this.#caller.unread.settled();
    else this.#caller.onGivenUp();
    this.#state = "closed";
    if (this.refusal === undefined) this.#places.give(1);
    this.#giveBytes();
  }

  #giveBytes(): void {
    if (this.#working === 0) this.bytes.close();
  }
}
