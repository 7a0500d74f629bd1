// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "./clock.ts";

/** A rate limit: how many tokens can be taken at once, and how many are added each second. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/** Bounds a rate: in any time of t seconds at most `burst` + t × `perSecond` tokens are taken by `take`. */
export class TokenBucket {
  readonly #rate: Rate;
  readonly #clock: Clock;
  #tokens: number;
  #filledMs: number;

  constructor(rate: Rate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
    this.#tokens = rate.burst;
    this.#filledMs = clock.monotonicMs();
  }

  get isEmpty(): boolean {
    this.#fill();
    return this.#tokens < 1;
  }

  get isFull(): boolean {
    this.#fill();
    return this.#tokens >= this.#rate.burst;
  }

  /** Takes a token. Returns false and takes nothing if there is none. */
  take(): boolean {
    this.#fill();
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /**
   * Takes a token even if there is none, for an event that has already happened. The debt is at most `burst` tokens.
   */
  owe(): void {
    this.#fill();
    this.#tokens = Math.max(this.#tokens - 1, -this.#rate.burst);
  }

  #fill(): void {
    const nowMs = this.#clock.monotonicMs();
    const { burst, perSecond } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#filledMs) * perSecond) / 1_000);
    this.#filledMs = nowMs;
  }
}
