// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "./clock.ts";

export interface RepeatLimits {
  /** How often each kind may happen in a window; further times are only counted. */
  readonly maxTimes: number;
  /** Length of a window, which begins when a kind first happens, in milliseconds. */
  readonly windowMs: number;
  /** Kinds that are told apart in a window; all further ones are one kind together. */
  readonly maxKinds: number;
}

/** What stands for all kinds that are too many. */
export const OTHER_KINDS = "others";

/**
 * Lets the first times of a kind pass in each window of time, and says at its end how many there were more: so that
 * something that happens a million times is written down a few times, and nothing that happens is lost without a word.
 *
 * 1. Of each kind at most `maxTimes` pass in a window, and there are at most `maxKinds` and one more (I11).
 * 2. All that did not pass is counted, and told once: when its window ends, or by `flush`.
 */
export class RepeatLimiter {
  readonly #clock: Clock;
  readonly #limits: RepeatLimits;
  readonly #onLeftOut: (kind: string, count: number) => void;
  readonly #windows = new Map<string, Window>();

  constructor(clock: Clock, limits: RepeatLimits, onLeftOut: (kind: string, count: number) => void) {
    this.#clock = clock;
    this.#limits = limits;
    this.#onLeftOut = onLeftOut;
  }

  /** Whether this time passes. */
  passes(kind: string): boolean {
    const { maxTimes, maxKinds, windowMs } = this.#limits;
    const known = this.#windows.has(kind) || this.#windows.size < maxKinds ? kind : OTHER_KINDS;
    let window = this.#windows.get(known);
    if (window === undefined) {
      const timer = this.#clock.schedule(windowMs, () => this.#end(known));
      window = { count: 0, cancel: () => timer.cancel() };
      this.#windows.set(known, window);
    }
    window.count++;
    return window.count <= maxTimes;
  }

  /** Ends all windows now. */
  flush(): void {
    for (const kind of this.#windows.keys()) this.#end(kind);
  }

  #end(kind: string): void {
    const window = this.#windows.get(kind);
    if (window === undefined) return;
    window.cancel();
    this.#windows.delete(kind);
    const leftOut = window.count - this.#limits.maxTimes;
    if (leftOut > 0) this.#onLeftOut(kind, leftOut);
  }
}

interface Window {
  count: number;
  readonly cancel: () => void;
}
