// SPDX-License-Identifier: Apache-2.0

import type { Clock, Rate } from "../base/mod.ts";
import { TokenBucket } from "../base/mod.ts";

/** So many bytes make a piece worth what it costs: a few microseconds of the event loop, however small it is. */
const PIECE_BYTES = 128;

/** A message makes so many pieces worth what they cost: its prefix and its body may come in one each. */
const PIECES_OF_MESSAGE = 2;

/** Small pieces that each request may have without taking them from its connection's. */
const FREE_PIECES = 64;

/** A connection gets this part of its small pieces again in each second. */
const PART_PER_SECOND = 0.25;

/** How many pieces of requests that were refused a connection may send, as a part of those that are taken. */
const REFUSED_PART = 0.25;

export const DEFAULT_MAX_SMALL_PIECES = 2_000;

/** Counts the pieces in which a request arrives. */
export interface PieceMeter {
  /**
   * So many pieces have come, with so many bytes together, and have completed so many messages. False: there are too
   * many small ones, so the request should be refused. What comes after that is to be counted too.
   */
  takePieces(count: number, bytes: number, messages: number): boolean;
}

/**
 * The small pieces that arrive on one connection: frames of HTTP/2, chunks of HTTP/1.1, fragments and control frames of
 * WebSockets. Node calls JavaScript for each of them, and handles all of a read before anything else. 64 KiB of frames
 * with one byte take 30 ms, and a read may be followed by 31 others, so one connection would keep the event loop from
 * all others.
 *
 * 1. Pieces with `PIECE_BYTES` on average cost nothing, nor does a message that comes in one piece or in two, whatever
 *    its size. So no honest stream is counted, however fast it is.
 * 2. Of others, a request has `FREE_PIECES`, so one that shares its connection with an attacker can go on. All
 *    requests of a connection together have `max` more at once, and a part of it in each second.
 * 3. A request whose piece is beyond that is refused. A quarter as many pieces of refused requests end the connection,
 *    because Node goes on calling JavaScript for each.
 */
export class SmallPieces {
  /** Ends the connection. */
  onFlood: () => void;
  readonly #rate: Rate;
  readonly #refusedRate: Rate;
  readonly #clock: Clock;
  /** Undefined until there is one, because most connections have none. */
  #allowed: TokenBucket | undefined;
  #refused: TokenBucket | undefined;

  constructor(max: number, clock: Clock, onFlood: () => void = () => undefined) {
    this.#rate = { burst: max, perSecond: max * PART_PER_SECOND };
    this.#refusedRate = { burst: max * REFUSED_PART, perSecond: max * REFUSED_PART * PART_PER_SECOND };
    this.#clock = clock;
    this.onFlood = onFlood;
  }

  /** Takes one piece. False: there are too many. */
  take(): boolean {
    this.#allowed ??= new TokenBucket(this.#rate, this.#clock);
    if (this.#allowed.take()) return true;
    this.#refused ??= new TokenBucket(this.#refusedRate, this.#clock);
    // (3)
    if (!this.#refused.take()) this.onFlood();
    return false;
  }
}

/** The small pieces of one request. */
export class RequestPieces implements PieceMeter {
  readonly #connection: SmallPieces;
  /** Bytes that its pieces would have had to have besides. */
  #missing = 0;

  constructor(connection: SmallPieces) {
    this.#connection = connection;
  }

  takePieces(count: number, bytes: number, messages: number): boolean {
    const missing = this.#missing + (count - messages * PIECES_OF_MESSAGE) * PIECE_BYTES - bytes;
    this.#missing = Math.max(0, missing);
    while (this.#missing > FREE_PIECES * PIECE_BYTES) {
      if (!this.#connection.take()) return false;
      this.#missing -= PIECE_BYTES;
    }
    return true;
  }
}
