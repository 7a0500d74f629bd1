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
 * 1. An address that has given up the burst of `RATE`, and its number in each second since, is over the rate until it has
 *    waited: its new connections get few streams, so that one that is closed again at once costs little. They are not
 *    refused, because others may come from the same address.
 * 2. What was given up while it was over counts as well, up to the burst again: a connection gives up all its requests after
 *    it was accepted.
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
