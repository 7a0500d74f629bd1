// SPDX-License-Identifier: Apache-2.0

import type { Caller } from "../grpc/mod.ts";

export interface UnreadOptions {
  /** How long a peer may take none of what it was sent, in milliseconds. */
  readonly writeTimeoutMs: number;
  /** For each so many bytes that wait for it, the peer has a second more. */
  readonly minWriteRate: number;
}

/** What was seen of a connection that has something to take. */
export interface UnreadState {
  /** How much it had taken. */
  readonly taken: number;
  /** Since when it has taken no more, in monotonic milliseconds. */
  readonly sinceMs: number;
}

/**
 * Whether a peer reads what it is sent: `idle` if nothing waits for it, `stuck` if it has taken nothing for too long,
 * else what is to be remembered for the next look. Pure. (Kestrel bounds its responses alike, by a least rate with a
 * time of grace.)
 */
export function lookForUnread(
  before: UnreadState | undefined,
  { unread, bytes }: Pick<Caller, "unread" | "bytes">,
  nowMs: number,
  { writeTimeoutMs, minWriteRate }: UnreadOptions,
): UnreadState | "idle" | "stuck" {
  const { waiting, taken } = unread;
  if (waiting === 0) return "idle";
  if (before?.taken !== taken) return { taken, sinceMs: nowMs };
  const allowedMs = writeTimeoutMs + (1_000 * bytes.used) / minWriteRate;
  return nowMs - before.sinceMs >= allowedMs ? "stuck" : before;
}
