// SPDX-License-Identifier: Apache-2.0

import type { PeerId } from "../placement.ts";
import type { MemberTimes } from "./member.ts";
import type { Membership } from "./membership.ts";
import { isLeaseValid } from "./membership.ts";
import type { Tenure } from "./tenure.ts";

/** The tenure in which a command began. */
export interface Ticket {
  readonly shard: number;
  readonly member: PeerId;
  readonly epoch: number;
}

/** What may become of an answer at this moment. `ReplyGate`, which waits for a lease itself, never says `wait`. */
export type ReplyDecision =
  | "reply"
  /** Only the lease has run out. The answer may leave if a renewal succeeds. */
  | "wait"
  /** The tenure is over, so another member may have acknowledged newer writes. The answer never leaves. */
  | "over";

/**
 * Decides whether an answer may leave (I1, I8): the tenure in which its command began must last, and the lease must be
 * valid at this moment. Call it after the append is acknowledged, and at the last moment before anything leaves.
 *
 * Both are needed. Without the lease, a member that was paused answers from memory that is old. Without the tenure, one
 * that lost its shard and has it again answers a command that it carried out in between.
 */
export function mayReply(
  ticket: Ticket,
  tenure: Tenure | undefined,
  membership: Membership,
  nowMs: number,
  times: MemberTimes,
): ReplyDecision {
  if (membership.kind !== "member" || membership.id !== ticket.member) return "over";
  const isSameTenure = tenure?.kind === "serving" || tenure?.kind === "draining";
  if (!isSameTenure || tenure.epoch !== ticket.epoch) return "over";
  return isLeaseValid(membership, nowMs, times) ? "reply" : "wait";
}
