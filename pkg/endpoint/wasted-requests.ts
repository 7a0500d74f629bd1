// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../base/mod.ts";

/** Requests that an address may open and give up at once, and then in each second. */
const BURST = 5_000;
const PER_SECOND = 1_000;

/** Addresses that are remembered; beyond it the one that is remembered longest is forgiven. */
const MAX_ADDRESSES = 1_000;

interface Bucket {
  tokens: number;
  filledMs: number;
}

/**
 * Which addresses open requests and give them up before they are answered, as no client does for long: with new connections
 * each time, they would get round all bounds of single connections. (Node bounds the resets of one connection alike.)
 *
 * 1. An address that has given up `BURST` requests, and `PER_SECOND` in each second since, gets no new connections until it
 *    has waited. Those that it has are served.
 */
export class WastedRequests {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The address has given a request up. */
  add(address: string): void {
    const bucket = this.#buckets.get(address) ?? this.#remember(address);
    this.#fill(bucket);
    bucket.tokens = Math.max(bucket.tokens - 1, 0);
  }

  /** Whether the address has to wait. */
  isOver(address: string): boolean {
    const bucket = this.#buckets.get(address);
    if (bucket === undefined) return false;
    this.#fill(bucket);
    if (bucket.tokens >= BURST) this.#buckets.delete(address);
    return bucket.tokens < 1;
  }

  #remember(address: string): Bucket {
    const bucket = { tokens: BURST, filledMs: this.#clock.monotonicMs() };
    this.#buckets.set(address, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MAX_ADDRESSES && oldest !== undefined) this.#buckets.delete(oldest);
    return bucket;
  }

  #fill(bucket: Bucket): void {
    const nowMs = this.#clock.monotonicMs();
    bucket.tokens = Math.min(BURST, bucket.tokens + ((nowMs - bucket.filledMs) * PER_SECOND) / 1_000);
    bucket.filledMs = nowMs;
  }
}
