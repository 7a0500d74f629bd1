// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../base/mod.ts";
import { sleep } from "../base/mod.ts";
import type { CallContext } from "../call/mod.ts";

/** Why a caller does not wait any more: it went away, or its deadline is over. */
export type Gone = "left" | "late";

/**
 * Waits for `until`, which never rejects, as long as the caller does. Gives what it resolved with, or why the caller
 * waits no more.
 */
export async function withCaller<T>(
  until: Promise<T>,
  { onCancel, deadlineMs }: Pick<CallContext, "onCancel" | "deadlineMs">,
  clock: Clock,
): Promise<T | Gone> {
  const over = new AbortController();
  const left = new Promise<"left">((resolve) => onCancel(() => resolve("left")));
  const waiting: Promise<T | Gone>[] = [until, left];
  if (deadlineMs !== undefined) {
    const leftMs = Math.max(0, deadlineMs - clock.monotonicMs());
    waiting.push(sleep(clock, leftMs, over.signal).then(() => "late" as const));
  }
  const end = await Promise.race(waiting);
  over.abort();
  return end;
}
