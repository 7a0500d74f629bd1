// SPDX-License-Identifier: Apache-2.0

import { backoffMs, sleep } from "../../base/mod.ts";
import type { BackoffOptions } from "../../base/mod.ts";
import { EventLogError } from "../event-log.ts";
import type { JetStreamLogOptions } from "./options.ts";

/** From short, since a leader that steps down has a successor at once, to long, since an election may take seconds. */
const BACKOFF: BackoffOptions = { minMs: 5, maxMs: 500, jitter: 0.3 };

/**
 * Reads again, with back-off, while the log does not answer: the connection is away, or the stream has no leader. Only
 * `LOG_UNAVAILABLE` passes with time; any other error is thrown at once.
 *
 * @param read Begins anew each time. No try begins later than `readDeadlineMs` after the first.
 * @param hurry Once it is aborted nothing is waited out any more.
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
