// SPDX-License-Identifier: Apache-2.0

import type { BackoffOptions } from "../../base/mod.ts";
import { backoffMs, sleep } from "../../base/mod.ts";

import { EventLogError } from "../event-log.ts";
import type { JetStreamLogOptions } from "./options.ts";

/** Starts short: a leader that steps down has a successor at once. Grows: an election may take seconds. */
const BACKOFF: BackoffOptions = { minMs: 5, maxMs: 500, jitter: 0.3 };

/**
 * Repeats a read, with back-off, while the log does not answer because the connection is lost or the stream has no
 * leader. Only `LOG_UNAVAILABLE` is retried; any other error is thrown at once.
 *
 * @param read Starts from its beginning each time. No try begins later than `readDeadlineMs` after the first.
 * @param hurry Once it is aborted, the next failure is thrown without a further wait.
 */
export async function patiently<T>(
  read: () => Promise<T>,
  { clock, random, readDeadlineMs }: Pick<JetStreamLogOptions, "clock" | "random" | "readDeadlineMs">,
  hurry: AbortSignal,
): Promise<T> {
  const endMs = clock.monotonicMs() + readDeadlineMs;
  for (let failures = 1; ; failures++) {
    try {
      return await read();
    } catch (thrown) {
      const passes = thrown instanceof EventLogError && thrown.code === "LOG_UNAVAILABLE";
      const leftMs = endMs - clock.monotonicMs();
      if (!passes || leftMs <= 0 || hurry.aborted) throw thrown;
      await sleep(clock, Math.min(backoffMs(failures, BACKOFF, random), leftMs), hurry);
    }
  }
}
