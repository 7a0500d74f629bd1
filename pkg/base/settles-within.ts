// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "./clock.ts";

/** Whether a promise is fulfilled or rejected within `timeoutMs` milliseconds. Its value or error is ignored. */
export function settlesWithin(promise: Promise<unknown>, timeoutMs: number, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.schedule(timeoutMs, () => resolve(false));
    const settled = (): void => {
      timer.cancel();
      resolve(true);
    };
    promise.then(settled, settled);
  });
}
