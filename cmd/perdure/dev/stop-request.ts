// SPDX-License-Identifier: Apache-2.0

import { constants } from "node:os";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Signals within this time count as one, in milliseconds. Under npm one Ctrl-C is two signals: the terminal sends one
 * to all of its processes, and npm passes its own on. A person takes longer for a second Ctrl-C.
 */
const SAME_KEY_MS = 250;

/** Resolves at a signal to stop, or when this process cannot write its output. A second signal exits at once. */
export function stopRequested(): Promise<void> {
  return new Promise((resolve) => {
    let askedMs: number | undefined;
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        const nowMs = performance.now();
        if (askedMs !== undefined && nowMs - askedMs >= SAME_KEY_MS)
          process.exit(128 + constants.signals[signal]);
        askedMs ??= nowMs;
        resolve();
      });
    }
    for (const stream of [process.stdout, process.stderr]) stream.on("error", () => resolve());
  });
}
