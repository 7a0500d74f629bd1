// SPDX-License-Identifier: Apache-2.0

import { monitorEventLoopDelay } from "node:perf_hooks";

import type { Clock, Timer } from "../base/mod.ts";

/** In seconds, since it was last asked for. */
export interface EventLoopDelay {
  readonly mean: number;
  readonly p99: number;
  readonly max: number;
}

/** How long after the last question the measuring goes on. */
const KEPT_MS = 300_000;

const RESOLUTION_MS = 20;

const NS_PER_SECOND = 1e9;

/**
 * Measures how late the timers of the event loop are. Measuring takes a timer that wakes the process fifty times in a
 * second, so it begins with the first question and ends when nobody has asked for `KEPT_MS`.
 */
export class EventLoopDelays {
  readonly #clock: Clock;
  #measured: ReturnType<typeof monitorEventLoopDelay> | undefined;
  #end: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Undefined: it was not measured before this question. */
  read(): EventLoopDelay | undefined {
    this.#end?.cancel();
    this.#end = this.#clock.schedule(KEPT_MS, () => this.stop());
    const measured = this.#measured;
    if (measured === undefined) {
      this.#measured = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      this.#measured.enable();
      return undefined;
    }
    if (measured.count === 0) return { mean: 0, p99: 0, max: 0 };
    const { mean, max } = measured;
    const delay = { mean: late(mean), p99: late(measured.percentile(99)), max: late(max) };
    measured.reset();
    return delay;
  }

  stop(): void {
    this.#end?.cancel();
    this.#end = undefined;
    this.#measured?.disable();
    this.#measured = undefined;
  }
}

/** Node gives the time from one timer to the next, of which `RESOLUTION_MS` were wanted. */
function late(ns: number): number {
  return Math.max(0, ns / NS_PER_SECOND - RESOLUTION_MS / 1_000);
}
