// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import { ClusterError } from "./error.ts";

const POLL_MS = 100;

/**
 * Calls `ask` until it succeeds. After `timeoutMs` milliseconds rejects with `TIMED_OUT` and the last error. An error
 * that will not pass, as `mayPass` says, rejects at once; by default any may.
 */
export async function waitFor<T>(
  what: string,
  ask: () => Promise<T>,
  timeoutMs: number,
  mayPass: (error: unknown) => boolean = () => true,
): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!mayPass(error)) throw error;
      if (performance.now() > endMs) {
        const text = `${what}: not within ${timeoutMs / 1_000} s; the last answer was: ${(error as Error).message}`;
        throw new ClusterError("TIMED_OUT", text, { cause: error });
      }
    }
    await delay(POLL_MS);
  }
}
