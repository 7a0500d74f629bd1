// SPDX-License-Identifier: Apache-2.0

import type { Http2Session } from "node:http2";

import type { Charge, Holder } from "../base/mod.ts";
import { Account } from "../base/mod.ts";

/** What all callers of one server share (I11). */
export interface CallerAccounts {
  /** Memory of requests and their responses, in bytes. */
  readonly bytes: Account;
  /** Open requests. */
  readonly requests: Account;
  /** Open requests beyond those, for health checks only, so that they are answered while all others are refused. */
  readonly reserve: Account;
}

/** One connection of a caller, and its share of the accounts. */
export interface Caller {
  readonly bytes: Holder;
  readonly requests: Holder;
  readonly reserve: Holder;
  readonly unread: Unread;
  /** Called when the caller gives up a request before its answer. */
  readonly onGivenUp: () => void;
}

/**
 * Counts the responses that were sent to a connection and not yet taken by its peer. It reveals a peer that does not
 * read.
 */
export class Unread {
  #waiting = 0;
  #taken = 0;

  /** Responses, or parts of them, that the peer has yet to take. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Responses, or parts of them, that the peer has taken since the connection began. */
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
 * Memory that an open request takes before it has any bytes, in bytes: its stream, its headers and the objects made
 * of them. Measured: 10,000 open streams take 10 KiB each, headers included; garbage collections shrink the part in
 * V8's heap.
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

/**
 * A new caller for a connection. `requests` is the share that it takes part in: its address's, or the whole account.
 */
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

/** Assigns a session to its caller. */
export function assignCaller(session: Http2Session, caller: Caller): void {
  (session as CallerSession)[CALLER] = caller;
}

/** The caller of a session: the one that was assigned, or else a new one. */
export function callerOf(session: Http2Session | undefined, accounts: CallerAccounts): Caller {
  if (session === undefined) return newCaller(accounts);
  return ((session as CallerSession)[CALLER] ??= newCaller(accounts));
}

/** The account of which the caller has used up its share. */
export type Refusal = "requests" | "bytes";

/**
 * What one open request holds of its caller's share: a place (one of its open requests), and bytes. A refused request
 * holds nothing, and exists only so that it can be answered.
 *
 * 1. The place is given back when the request is closed: answered and taken, or its caller gone.
 * 2. Its bytes are given back then too, but not before the work that was begun for it has ended. A user function
 *    carries out every command that it has received, and the command takes memory, even if its caller has gone.
 */
export class OpenRequest {
  readonly refusal: Refusal | undefined;
  readonly bytes: Charge;
  readonly #caller: Caller;
  readonly #places: Holder;
  #state: "open" | "answered" | "closed" = "open";
  /** Number of tasks that were begun for it and have not ended. */
  #working = 0;

  /** @param isReserved whether it is a health check, which takes its place from the reserve. */
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

  /** Keeps its bytes until `work` has settled (2). */
  during(work: Promise<unknown>): void {
    this.workBegins();
    const ended = (): void => this.workEnded();
    work.then(ended, ended);
  }

  /** Keeps its bytes until `workEnded`, which must be called once (2). `during` without the cost of a promise. */
  workBegins(): void {
    this.#working++;
  }

  workEnded(): void {
    this.#working--;
    if (this.#state === "closed") this.#giveBytes();
  }

  /** Records that the whole response was handed to the connection. Its peer has yet to take it. */
  answered(): void {
    if (this.#state !== "open") return;
    this.#state = "answered";
    this.#caller.unread.sent();
  }

  /** Waits until the peer has taken more of an unfinished response. */
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
