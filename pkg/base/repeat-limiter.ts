// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "./clock.ts";

export interface RepeatLimits {
  /** How often each kind may happen in a window; further times are only counted. */
  readonly maxTimes: number;
  /** Length of a window, which begins when a kind first happens, in milliseconds. */
  readonly windowMs: number;
  /** Kinds that are counted separately at a time; all further kinds are counted together as one. */
  readonly maxKinds: number;
}

/** The name under which all kinds beyond `maxKinds` are counted. */
export const OTHER_KINDS = "others";

/**
 * Lets the first events of each kind pass in a window of time, and reports at the end of the window how many more
 * there were. So an event that happens a million times is logged a few times, and no event goes unreported.
 *
 * 1. At most `maxTimes` events of each kind pass in a window, and there are at most `maxKinds` + 1 kinds (I11).
 * 2. Events that did not pass are counted and reported once: when their window ends, or by `flush`.
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

  /** Counts an event, and returns whether it passes. */
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
