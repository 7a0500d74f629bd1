// SPDX-License-Identifier: Apache-2.0

/** What a proxy of a cluster decides. It has a door of its own, because a proxy that is alone loads none of it. */

export type { ClusterEffect, ClusterInput } from "./cluster-messages.ts";
export type { Decisions } from "./cluster-node.ts";
export { ClusterNode } from "./cluster-node.ts";
export type { ClusterView, MemberView, ShardView } from "./cluster-view.ts";
export { progressOf, viewOf } from "./cluster-view.ts";
export type { ReplyDecision, Ticket } from "./may-reply.ts";
export { mayReply } from "./may-reply.ts";
export type { MemberInfo, MemberTimes } from "./member.ts";
export { DEFAULT_MEMBER_TIMES } from "./member.ts";
export { isLeaseValid } from "./membership.ts";
export type { Entry } from "./owners.ts";
export type { TenureKind } from "./tenure.ts";
export { stepTenure } from "./tenure.ts";
export { WATCHED } from "./watch-ring.ts";
