// SPDX-License-Identifier: Apache-2.0

import { TokenBucket } from "../base/mod.ts";
import type { Clock } from "../base/mod.ts";

/** Requests that an address may open and give up at once, and then in each second. */
const RATE = { burst: 5_000, perSecond: 1_000 };

/** Addresses that are remembered; beyond it the one that is remembered longest is forgiven. */
const MAX_ADDRESSES = 1_000;

/**
 * Which addresses open requests and give them up before they are answered, as no client does for long: with new connections
 * each time, they would get round all bounds of single connections. (Node bounds the resets of one connection alike.)
 *
 * 1. An address that has given up the burst of `RATE`, and its number in each second since, gets no new connections until it
 *    has waited. Those that it has are served.
 */
export class WastedRequests {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The address has given a request up. */
  add(address: string): void {
    (this.#buckets.get(address) ?? this.#remember(address)).take();
  }

  /** Whether the address has to wait. */
  isOver(address: string): boolean {
    const bucket = this.#buckets.get(address);
    if (bucket === undefined) return false;
    if (bucket.isFull) this.#buckets.delete(address);
    return bucket.isEmpty;
  }

  #remember(address: string): TokenBucket {
    const bucket = new TokenBucket(RATE, this.#clock);
    this.#buckets.set(address, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MAX_ADDRESSES && oldest !== undefined) this.#buckets.delete(oldest);
    return bucket;
  }
}
