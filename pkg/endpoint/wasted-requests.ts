// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../base/mod.ts";
import { TokenBucket } from "../base/mod.ts";

/** How many requests an address may open and give up before they are answered: at once, and then in each second. */
const RATE = { burst: 5_000, perSecond: 1_000 };

/** How many addresses are remembered. Beyond it the oldest one is forgotten. */
const MAX_ADDRESSES = 1_000;

/**
 * Counts, for each address, the requests that it opens and gives up before they are answered, as no honest client
 * does for long. With new connections each time, such an address would evade all bounds of single connections. (Node
 * bounds the resets of one connection in the same way.)
 *
 * 1. An address that has given up the burst of `RATE`, and its number in each second since, is over the rate until it
 *    has waited. Its new connections get few streams, so that a connection that is closed again at once costs little.
 *    They are not refused, because others may come from the same address.
 * 2. Requests that are given up while the address is over the rate count as well, up to the burst again, because a
 *    connection gives up its requests only after it was accepted.
 */
export class WastedRequests {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The address has given a request up. */
  add(address: string): void {
    // (2)
    (this.#buckets.get(address) ?? this.#remember(address)).owe();
  }

  /** Whether the address is over the rate. */
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
