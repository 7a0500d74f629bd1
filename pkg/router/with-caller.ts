// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../base/mod.ts";
import { sleep } from "../base/mod.ts";
import type { CallContext } from "../call/mod.ts";

/** Why a caller does not wait any more: it went away, or its deadline is over. */
export type Gone = "left" | "late";

/** Who is told when a caller leaves. A command may wait many times, but listens to its caller once. */
interface Leaving {
  hasLeft: boolean;
  readonly waiting: Set<() => void>;
}

const leavings = new WeakMap<Pick<CallContext, "onCancel">, Leaving>();

/**
 * Waits for `until`, which never rejects, as long as the caller does. Gives what it resolved with, or why the caller
 * waits no more.
 */
export async function withCaller<T>(
  until: Promise<T>,
  call: Pick<CallContext, "onCancel" | "deadlineMs">,
  clock: Clock,
): Promise<T | Gone> {
  const leaving = leavings.get(call) ?? listenTo(call);
  if (leaving.hasLeft) return "left";
  const over = new AbortController();
  const left = Promise.withResolvers<"left">();
  const onLeft = (): void => left.resolve("left");
  leaving.waiting.add(onLeft);
  const waiting: Promise<T | Gone>[] = [until, left.promise];
  const { deadlineMs } = call;
  if (deadlineMs !== undefined) {
    const leftMs = Math.max(0, deadlineMs - clock.monotonicMs());
    waiting.push(sleep(clock, leftMs, over.signal).then(() => "late" as const));
  }
  const end = await Promise.race(waiting);
  over.abort();
  leaving.waiting.delete(onLeft);
  return end;
}

function listenTo(call: Pick<CallContext, "onCancel">): Leaving {
  const leaving: Leaving = { hasLeft: false, waiting: new Set() };
  leavings.set(call, leaving);
  call.onCancel(() => {
    leaving.hasLeft = true;
    for (const tell of leaving.waiting) tell();
  });
  return leaving;
}
