// SPDX-License-Identifier: Apache-2.0

import { constants } from "node:os";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Resolves when somebody asks this process to stop, or nobody reads what it writes. Asked twice, it exits at once. */
export function stopRequested(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        if (asked) process.exit(128 + constants.signals[signal]);
        asked = true;
        resolve();
      });
    }
    for (const stream of [process.stdout, process.stderr]) stream.on("error", () => resolve());
  });
}
