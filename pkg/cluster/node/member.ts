// SPDX-License-Identifier: Apache-2.0

import type { PeerId } from "../placement.ts";

/** What a member says of itself in its key of the bucket. */
export interface MemberInfo {
  /** Name of the pod. It stays the same when the pod joins again; the member's id does not. */
  readonly pod: string;
  /** Empty outside of Knative: then all members are of one revision. */
  readonly revision: string;
  /** Traffic share of the revision, which all its members divide among them. Any unit, as long as all use it. */
  readonly share: number;
  /** How long its leases are. Others wait for so long, and a margin, before they take its shards. */
  readonly leaseMs: number;
  /**
   * The longest lease of all members that it knows and that may still answer, its own among them. So whoever comes
   * after the bucket was wiped knows how long members may answer whose keys are lost.
   */
  readonly longestLeaseMs: number;
  /** It stops, and gives its shards to others. */
  readonly isLeaving: boolean;
  /** It has seen all changes of the bucket up to this revision, and acted on them. */
  readonly seenRevision: number;
}

/** One incarnation of a pod, from a join to its end. An id is never used twice. */
export interface Member {
  readonly id: PeerId;
  readonly info: MemberInfo;
}

/** Times of membership and of handovers, in milliseconds. They are counted on monotonic clocks. */
export interface MemberTimes {
  /** How long after a renewal was sent its member may answer. */
  readonly leaseMs: number;
  /** How often a member renews that nobody asks anything. */
  readonly renewEveryMs: number;
  /** After so long without a renewal the bucket drops the key, by the server's clock. */
  readonly ttlMs: number;
  /** A member without a renewal is fenced so long before `ttlMs` is over (I8). */
  readonly fenceMarginMs: number;
  /** When a request to the bucket is sent again. */
  readonly answerTimeoutMs: number;
  readonly heartbeatEveryMs: number;
  /** A member that has been silent for so long is pinged. */
  readonly silentAfterMs: number;
  /** How long after one ping the next follows. */
  readonly pingEveryMs: number;
  /**
   * A shard that is given up and has a command open for so long is served again (`tenure.ts`), for as long at most. By
   * default commands that wait for it do so for several times as long before they fail (`--shard-wait-timeout`).
   */
  readonly keepAfterMs: number;
}

export const DEFAULT_MEMBER_TIMES: MemberTimes = {
  leaseMs: 500,
  renewEveryMs: 2_000,
  ttlMs: 10_000,
  fenceMarginMs: 3_000,
  answerTimeoutMs: 1_000,
  heartbeatEveryMs: 1_000,
  silentAfterMs: 1_250,
  pingEveryMs: 250,
  keepAfterMs: 8_000,
};

/**
 * How much longer than a lease others wait, by their own clock: clocks are assumed to differ by less than a fifth in
 * rate (ADR 29).
 */
const CLOCK_MARGIN = 1.2;

/** How long, after a member's key is gone, others wait before they take its shards. */
export function waitMs(leaseMs: number): number {
  return leaseMs * CLOCK_MARGIN;
}
