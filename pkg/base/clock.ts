// SPDX-License-Identifier: Apache-2.0

/** The source of time. All code that waits or measures time gets one as a parameter, so that tests control the time. */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970. For people and records; may jump. */
  wallMs(): number;
  /** Monotonic time in milliseconds from an arbitrary start. For deadlines and durations. */
  monotonicMs(): number;
  /** Calls `action` once, not before `delayMs` have passed. Does not keep the process alive by itself. */
  schedule(delayMs: number, action: () => void): Timer;
}

export interface Timer {
  /** Does nothing if the timer has fired or was cancelled before. */
  cancel(): void;
}

/** In milliseconds: the longest delay that Node's timers take; a longer one would fire at once. */
export const MAX_DELAY_MS = 2_147_483_647;

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule(delayMs, action) {
    const timeout = setTimeout(action, Math.min(Math.max(delayMs, 0), MAX_DELAY_MS));
    timeout.unref();
    return { cancel: () => clearTimeout(timeout) };
  },
};

/**
 * Resolves after `delayMs` milliseconds, or at once when the signal aborts. An abort is not an error here, because
 * the caller checks the signal itself.
 */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const finish = () => {
      timer.cancel();
      signal?.removeEventListener("abort", finish);
      resolve();
    };
    const timer = clock.schedule(delayMs, finish);
    signal?.addEventListener("abort", finish, { once: true });
  });
}
