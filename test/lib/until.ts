// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

/** Waits until the condition holds, looking every few milliseconds; fails with `what` after `timeoutMs`. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await delay(2);
  }
}
