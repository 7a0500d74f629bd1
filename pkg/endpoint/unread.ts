// SPDX-License-Identifier: Apache-2.0

import type { Caller } from "../grpc/mod.ts";

import type { EndpointOptions } from "./options.ts";

export type UnreadOptions = Pick<EndpointOptions, "writeTimeoutMs" | "minWriteRate">;

/** The last observation of a connection whose peer has data to read. */
export interface UnreadState {
  /** How many responses, or parts of them, the peer had taken. */
  readonly taken: number;
  /** Since when the peer has taken no more, in monotonic milliseconds. */
  readonly sinceMs: number;
}

/**
 * Checks whether a peer reads: `idle` if nothing waits for it, `stuck` if it has taken nothing for too long, else the
 * state for the next check. (Kestrel bounds its responses in the same way, with a grace period.)
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
