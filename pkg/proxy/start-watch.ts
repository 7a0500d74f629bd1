// SPDX-License-Identifier: Apache-2.0

import type { Clock, Timer } from "../base/mod.ts";

export interface StartWatchDependencies {
  readonly clock: Clock;
  /** How long a start may take, in milliseconds; 0: without a limit, and then a refusal does not end it either. */
  readonly timeoutMs: number;
  /** Whether the user function that is there now is refused. */
  readonly isRefused: () => boolean;
  readonly onFailed: () => void;
}

/** How long the proxy has to report the reason to a user function that it refused, before it ends; in milliseconds. */
const REPORT_MS = 1_000;

/**
 * Detects a start that has failed: further waiting would not help.
 *
 * 1. Once a user function was served, `onFailed` is never called, because a proxy that has served stays up (I12).
 * 2. Until then `onFailed` is called once: when `timeoutMs` have passed since `start`, or sooner for a user function
 *    that was refused and is still there after `REPORT_MS`.
 */
export class StartWatch {
  readonly #dependencies: StartWatchDependencies;
  #limit: Timer | undefined;
  #refusal: Timer | undefined;
  #isOver: boolean;

  constructor(dependencies: StartWatchDependencies) {
    this.#dependencies = dependencies;
    this.#isOver = dependencies.timeoutMs === 0;
  }

  /** The proxy looks for a user function from now on. */
  start(): void {
    const { clock, timeoutMs } = this.#dependencies;
    if (!this.#isOver) this.#limit = clock.schedule(timeoutMs, () => this.#fail());
  }

  /** A user function was refused. */
  refused(): void {
    const { clock, isRefused } = this.#dependencies;
    this.#refusal?.cancel();
    if (this.#isOver) return;
    this.#refusal = clock.schedule(REPORT_MS, () => {
      if (isRefused()) this.#fail();
    });
  }

  /** A user function is served (1), or the proxy ends for another reason. */
  stop(): void {
    this.#isOver = true;
    this.#limit?.cancel();
    this.#refusal?.cancel();
  }

  #fail(): void {
    if (this.#isOver) return;
    this.stop();
    this.#dependencies.onFailed();
  }
}
