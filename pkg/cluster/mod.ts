// SPDX-License-Identifier: Apache-2.0

export { isUndelivered } from "./forward-error.ts";
export { CLUSTER_METRICS } from "./metrics.ts";
export type { Owner, PeerId, Placement } from "./placement.ts";
export { ALONE } from "./placement.ts";
export type { Admission, Pass, ReplyGate } from "./reply-gate.ts";
export type { ShardHost } from "./shard-host.ts";
