// SPDX-License-Identifier: Apache-2.0

import { SettingError } from "../../settings/mod.ts";
import type { MemberTimes } from "../node/mod.ts";
import { DEFAULT_MEMBER_TIMES } from "../node/mod.ts";

import { CLUSTER_SETTINGS, type ClusterOptions } from "../settings.ts";

/** A member whose renewals come late or are lost a few times is not to lose its shards. */
const LEAST_LEASES = 4;

/**
 * The times of membership that follow from the settings, in the proportions of the default ones.
 *
 * @throws SettingError if they do not go together.
 */
export function memberTimes({ leaseMs, heartbeatIntervalMs, memberTtlMs }: ClusterOptions): MemberTimes {
  const usual = DEFAULT_MEMBER_TIMES;
  if (memberTtlMs < LEAST_LEASES * leaseMs) {
    const { memberTtlMs: ttl, leaseMs: lease } = CLUSTER_SETTINGS;
    const least = `at least ${LEAST_LEASES * leaseMs}`;
    const reason = `because ${lease.env} is ${leaseMs}`;
    throw new SettingError(`${ttl.env} must be ${least}, not ${memberTtlMs}, ${reason}`);
  }
  const ofTtl = (timeMs: number): number => (timeMs / usual.ttlMs) * memberTtlMs;
  const ofHeartbeat = (timeMs: number): number => (timeMs / usual.heartbeatEveryMs) * heartbeatIntervalMs;
  return {
    leaseMs,
    renewEveryMs: ofTtl(usual.renewEveryMs),
    ttlMs: memberTtlMs,
    fenceMarginMs: ofTtl(usual.fenceMarginMs),
    answerTimeoutMs: usual.answerTimeoutMs,
    heartbeatEveryMs: heartbeatIntervalMs,
    silentAfterMs: ofHeartbeat(usual.silentAfterMs),
    pingEveryMs: ofHeartbeat(usual.pingEveryMs),
    keepAfterMs: usual.keepAfterMs,
  };
}
