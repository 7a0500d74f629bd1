// SPDX-License-Identifier: Apache-2.0

import type { Http2Session } from "node:http2";
import { constants } from "node:http2";

import type { Charge, Clock, Floors, Group, Holder } from "../base/mod.ts";
import { Account, systemClock } from "../base/mod.ts";
import type { TraceContext } from "../telemetry/mod.ts";

import type { PieceMeter } from "./small-pieces.ts";
import { DEFAULT_MAX_SMALL_PIECES, RequestPieces, SmallPieces } from "./small-pieces.ts";

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
  /** The same object for all connections of one peer address. */
  readonly group: object;
  readonly bytes: Holder;
  readonly requests: Holder;
  readonly reserve: Holder;
  readonly unread: Unread;
  readonly pieces: SmallPieces;
  /** Called when the caller gives up a request before its answer. */
  readonly onGivenUp: () => void;
}

/** Counts the responses that a connection's peer has yet to take. It reveals a peer that does not read. */
class Unread {
  /** Responses, or parts of them, that the peer has yet to take. */
  waiting = 0;
  /** Responses, or parts of them, that the peer has taken since the connection began. */
  taken = 0;

  sent(): void {
    this.waiting++;
  }

  /** The peer has taken it, or will never. */
  settled(): void {
    this.waiting--;
    this.taken++;
  }
}

/**
 * Memory that an open request takes before it has any bytes, in bytes: its stream, its headers and the objects made
 * of them. Measured: 10,000 open streams take 10 KiB each, headers included; garbage collections shrink the part in
 * V8's heap.
 */
export const REQUEST_BYTES = 8_192;

/** How long a head may be before it takes more than `REQUEST_BYTES`. */
const INCLUDED_HEAD_BYTES = 2_048;

/** What a header field takes in memory beside its name and its value, in bytes. */
const FIELD_BYTES = 64;

/** What a request's headers take in memory, in bytes. @param raw flat list of names and values */
export function headBytes(raw: readonly string[]): number {
  let bytes = (raw.length / 2) * FIELD_BYTES;
  for (const text of raw) bytes += text.length;
  return bytes;
}

/** Open requests that are kept for questions about health. */
const RESERVED_REQUESTS = 64;

/** The part of each account that is set aside for connections that ask for little, whatever others have. */
const SET_ASIDE = 0.25;

/** What a connection may have of it: one request (`REQUEST_BYTES`), and 8 KiB for its bytes and its response. */
const FLOOR = { bytes: 16_384, requests: 1 };

export function callerAccounts(maxBytes: number, maxRequests: number): CallerAccounts {
  const floors = (max: number, each: number): Floors => ({
    count: Math.floor((max * SET_ASIDE) / each),
    each,
  });
  return {
    bytes: new Account(maxBytes, floors(maxBytes, FLOOR.bytes)),
    requests: new Account(maxRequests, floors(maxRequests, FLOOR.requests)),
    reserve: new Account(RESERVED_REQUESTS),
  };
}

/** A caller for a new connection. `requests` is the share that it is part of: its address's, or the whole account. */
export function newCaller(
  accounts: CallerAccounts,
  requests: Account | Group = accounts.requests,
  onGivenUp: () => void = () => undefined,
  pieces: SmallPieces = new SmallPieces(DEFAULT_MAX_SMALL_PIECES, systemClock),
): Caller {
  return {
    onGivenUp,
    pieces,
    group: requests,
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

/** What a connection gets that was not assigned to a caller. */
interface NewConnection {
  readonly maxSmallPieces: number;
  readonly clock: Clock;
}

const NEW_CONNECTION: NewConnection = { maxSmallPieces: DEFAULT_MAX_SMALL_PIECES, clock: systemClock };

/** The caller of a session: the one that was assigned, or else a new one. */
export function callerOf(
  session: Http2Session | undefined,
  accounts: CallerAccounts,
  { maxSmallPieces, clock } = NEW_CONNECTION,
): Caller {
  if (session === undefined) return newCaller(accounts);
  const known = (session as CallerSession)[CALLER];
  if (known !== undefined) return known;
  const pieces = new SmallPieces(maxSmallPieces, clock, () => endFlood(session));
  const caller = newCaller(accounts, accounts.requests, () => undefined, pieces);
  assignCaller(session, caller);
  return caller;
}

/** Ends a connection whose peer sends too much that is of no use, with a GOAWAY that says so. */
export function endFlood(session: Http2Session): void {
  session.destroy(new Error("the peer sends too many small pieces"), constants.NGHTTP2_ENHANCE_YOUR_CALM);
}

/**
 * What one open request holds of its caller's share: a place (one of its open requests), and bytes. A refused request
 * holds nothing, and exists only so that it can be answered.
 *
 * 1. The place is given back when the request is closed: answered and taken, or its caller gone.
 * 2. Its bytes are given back then too, but not before the work that was begun for it has ended. A user function
 *    carries out every command that it has received, and the command takes memory, even if its caller has gone.
 */
export class OpenRequest implements PieceMeter {
  /** The account of which the caller has used up its share. */
  readonly refusal: "requests" | "bytes" | undefined;
  readonly bytes: Charge;
  /** What it takes without its messages, in bytes: `REQUEST_BYTES`, and more if its head is long. */
  readonly ownBytes: number;
  /** The span that was made for it, of which its duration is an example. Undefined: nobody traces. */
  span: TraceContext | undefined;
  readonly caller: Caller;
  readonly #places: Holder;
  /** Undefined until something comes, because many requests have no body. */
  #pieces: RequestPieces | undefined;
  #state: "open" | "answered" | "closed" = "open";
  /** Number of tasks that were begun for it and have not ended. */
  #working = 0;

  /**
   * @param head what its head takes, in bytes (`headBytes`).
   * @param isReserved whether it is a health check, which takes its place from the reserve.
   */
  constructor(caller: Caller, head: number, isReserved = false) {
    this.caller = caller;
    this.ownBytes = REQUEST_BYTES + Math.max(0, head - INCLUDED_HEAD_BYTES);
    this.#places = isReserved ? caller.reserve : caller.requests;
    this.bytes = caller.bytes.charge();
    if (!this.#places.take(1)) {
      this.refusal = "requests";
    } else if (isReserved) {
      this.bytes.overdraw(this.ownBytes);
    } else if (!this.bytes.take(this.ownBytes)) {
      this.#places.give(1);
      this.refusal = "bytes";
    }
  }

  takePieces(count: number, bytes: number, messages: number): boolean {
    this.#pieces ??= new RequestPieces(this.caller.pieces);
    return this.#pieces.takePieces(count, bytes, messages);
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
    this.caller.unread.sent();
  }

  /** Waits until the peer has taken more of an unfinished response. */
  async taken(drained: Promise<void>): Promise<void> {
    const { unread } = this.caller;
    unread.sent();
    await drained;
    unread.settled();
  }

  close(): void {
    if (this.#state === "closed") return;
    if (this.#state === "answered") this.caller.unread.settled();
    else this.caller.onGivenUp();
    this.#state = "closed";
    if (this.refusal === undefined) this.#places.give(1);
    this.#giveBytes();
  }

  #giveBytes(): void {
    if (this.#working === 0) this.bytes.close();
  }
}
