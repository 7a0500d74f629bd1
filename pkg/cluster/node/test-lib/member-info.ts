// SPDX-License-Identifier: Apache-2.0

import type { MemberInfo } from "../member.ts";

/** What a member of the pod `a` says of itself that has just joined, and where a test differs from it. */
export function memberInfo(changes: Partial<MemberInfo> = {}): MemberInfo {
  return {
    pod: "a",
    revision: "one",
    share: 100,
    leaseMs: 500,
    longestLeaseMs: 500,
    isLeaving: false,
    seenRevision: 0,
    ...changes,
  };
}
