// SPDX-License-Identifier: Apache-2.0

import type { Values } from "../settings/mod.ts";
import { DAY_MS, MINUTE_MS, milliseconds, named, SECOND_MS } from "../settings/mod.ts";

/** How the proxies of one service share its entities (ADR 29). */
export const CLUSTER_SETTINGS = named({
  leaseMs: milliseconds(500, {
    range: [100, 10 * SECOND_MS],
    help: "How long after a renewal in NATS a proxy may answer for its entities; busy proxies renew twice in that time. A proxy that was killed is replaced when 1.2 times as much has passed after it was found gone.",
  }),
  heartbeatIntervalMs: milliseconds(1_000, {
    range: [100, MINUTE_MS],
    help: "How often a proxy tells the others that it is there. One that is silent for 1.25 times as long is asked; if NATS then says twice, within a quarter of it, that the proxy is not connected, it is replaced.",
  }),
  memberTtlMs: milliseconds(10_000, {
    range: [4 * SECOND_MS, 10 * MINUTE_MS],
    help: "Time without a renewal, in whole seconds, after which NATS itself drops a proxy, such as one that is cut off. At least four leases. The proxy stops to serve entities when seven tenths have passed.",
  }),
  packTimeoutMs: milliseconds(5_000, {
    range: [0, DAY_MS],
    help: "How long the entities of a shard that moves to another proxy may take to leave memory once their commands are answered; then they are thrown away, and the other proxy reads their histories as they are in the log.",
  }),
  handoffTimeoutMs: milliseconds(10_000, {
    range: [0, DAY_MS],
    help: "How long a proxy that stops may take to hand all its shards to others.",
  }),
});

export type ClusterOptions = Values<typeof CLUSTER_SETTINGS>;
