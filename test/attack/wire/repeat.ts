// SPDX-License-Identifier: Apache-2.0

import type { Tools } from "../attack.ts";
import { onAbort } from "./on-abort.ts";

/** Pause before a sender whose connection was closed connects again, in milliseconds. */
const AGAIN_MS = 50;

/** Does `work` side by side `count` times, each with its number. */
export async function sideBySide(count: number, work: (index: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, index) => work(index)));
}

/** Runs `work` again and again until the attack is over, at most `most` times, with pauses in between. */
export async function again(
  most: number,
  { signal }: Pick<Tools, "signal">,
  work: () => Promise<void>,
  pauseMs = AGAIN_MS,
): Promise<void> {
  for (let times = 0; times < most && !signal.aborted; times++) {
    if (times > 0) await pause(pauseMs, signal);
    await work();
  }
}

/** Resolves after so many milliseconds, or when the attack is over. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      forget();
      resolve();
    }, ms);
    const forget = onAbort(signal, () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** How many of `total` this process does. */
export function shareOf(total: number, { share }: Pick<Tools, "share">): number {
  return Math.floor((total * (share.index + 1)) / share.of) - Math.floor((total * share.index) / share.of);
}
