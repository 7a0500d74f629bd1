// SPDX-License-Identifier: Apache-2.0

import type { PeerId } from "../placement.ts";
import type { ClusterNode } from "./cluster-node.ts";
import type { MemberInfo } from "./member.ts";
import type { Peer } from "./peer.ts";

/** What one proxy knows of its cluster, to be shown to people. Another one may know it earlier or later. */
export interface ClusterView {
  /** This member; undefined while the proxy is none. */
  readonly self: PeerId | undefined;
  /** By id. Those that are gone are among them as long as they own shards. */
  readonly members: readonly MemberView[];
  /** In the order of their numbers. */
  readonly shards: readonly ShardView[];
}

export interface MemberView extends Pick<MemberInfo, "pod" | "revision" | "share"> {
  readonly member: PeerId;
  readonly isThisOne: boolean;
  /** `unseen`: it owns shards, and its key was not seen yet. */
  readonly state: "live" | "silent" | "leaving" | "gone" | "unseen";
  /** How many shards it owns, and how many it should. */
  readonly owned: number;
  readonly due: number;
}

export type ShardState =
  /** The right member owns it. */
  | "owned"
  /** Another member should own it, and its owner has not begun to give it up, as far as this proxy knows. */
  | "due"
  /** This proxy gives it up (`tenure.ts`). */
  | "draining"
  | "packing"
  | "releasing"
  /** Nobody owns it (`owners.ts`). */
  | "free"
  | "lost"
  /** Its owner is no member any more. Another takes it when the last lease of that one is over. */
  | "owner gone"
  /** This proxy has not read it yet. */
  | "unknown";

export interface ShardView {
  readonly shard: number;
  readonly state: ShardState;
  /**
   * Since when, as this proxy saw it: what was so before it joined is as old as its join. Absent if it cannot tell, as
   * of `due`.
   */
  readonly stateForMs?: number;
  readonly owner?: PeerId;
  readonly ownedForMs?: number;
  /** Of the entry. Absent if that is lost or unknown. */
  readonly epoch?: number;
  /** Its commands that this proxy carries out. */
  readonly open?: number;
  /** The member that should own it, if another one does or nobody. Absent also if there is none. */
  readonly to?: PeerId;
}

type Shown = Pick<
  ClusterNode,
  "id" | "info" | "peers" | "tenures" | "entryOf" | "entrySinceMs" | "tenureSinceMs" | "dueOwners"
>;

/** What a node knows at this moment. All times are whole milliseconds. */
export function viewOf(node: Shown, nowMs: number): ClusterView {
  const dueOwners = node.dueOwners();
  const shards = dueOwners.map((due, shard) => shardView(node, shard, due, nowMs));
  const owned = countOf(shards.map(({ owner }) => owner));
  const due = countOf(dueOwners);
  const counts = (member: PeerId) => ({ owned: owned.get(member) ?? 0, due: due.get(member) ?? 0 });
  const members = [...node.peers]
    .filter(([id, { kind }]) => kind !== "gone" || owned.has(id))
    .map(([id, peer]): MemberView => ({ ...about(id, peer.info), state: stateOf(peer), ...counts(id) }));
  const { id, info } = node;
  if (id !== undefined) {
    const state = info.isLeaving ? "leaving" : "live";
    members.push({ ...about(id, info), isThisOne: true, state, ...counts(id) });
  }
  return { self: id, members: members.sort((a, b) => (a.member < b.member ? -1 : 1)), shards };
}

/** How many shards this member should serve, and how many of them it serves. */
export function progressOf(node: Pick<ClusterNode, "id" | "tenures" | "dueOwners">): {
  readonly due: number;
  readonly served: number;
} {
  let [due, served] = [0, 0];
  for (const [shard, owner] of node.dueOwners().entries()) {
    if (owner === undefined || owner !== node.id) continue;
    due++;
    if (node.tenures.get(shard)?.kind === "serving") served++;
  }
  return { due, served };
}

function about(member: PeerId, { pod, revision, share }: MemberInfo) {
  return { member, pod, revision, share, isThisOne: false };
}

function stateOf(peer: Peer): MemberView["state"] {
  if (peer.kind === "gone") return "gone";
  if (peer.kind !== "live") return "silent";
  if (peer.revision === 0) return "unseen";
  return peer.info.isLeaving ? "leaving" : "live";
}

function shardView(node: Shown, shard: number, due: PeerId | undefined, nowMs: number): ShardView {
  const entry = node.entryOf(shard);
  const entryForMs = age(node.entrySinceMs(shard), nowMs);
  const to = due === undefined ? {} : { to: due };
  switch (entry?.kind) {
    case undefined:
      return { shard, state: "unknown", ...to };
    case "lost":
      return { shard, state: "lost", stateForMs: entryForMs, ...to };
    case "free":
      return { shard, state: "free", stateForMs: entryForMs, epoch: entry.epoch, ...to };
    case "owned": {
      const { owner, epoch } = entry;
      const owned = { owner, ownedForMs: entryForMs, epoch, ...(due === owner ? {} : to) };
      return { shard, ...ownedState(node, shard, owner, due === owner, entryForMs, nowMs), ...owned };
    }
  }
}

function ownedState(
  node: Shown,
  shard: number,
  owner: PeerId,
  isRight: boolean,
  ownedForMs: number,
  nowMs: number,
): Pick<ShardView, "state" | "stateForMs" | "open"> {
  const tenure = node.tenures.get(shard);
  const open = tenure !== undefined && "open" in tenure ? { open: tenure.open } : {};
  if (tenure !== undefined && tenure.kind !== "serving")
    return { state: tenure.kind, stateForMs: age(node.tenureSinceMs(shard), nowMs), ...open };
  const peer = node.peers.get(owner);
  if (peer?.kind === "gone") return { state: "owner gone", stateForMs: age(peer.goneMs, nowMs) };
  return isRight ? { state: "owned", stateForMs: ownedForMs, ...open } : { state: "due", ...open };
}

function age(sinceMs: number | undefined, nowMs: number): number {
  return Math.round(nowMs - (sinceMs ?? nowMs));
}

function countOf(ids: readonly (PeerId | undefined)[]): ReadonlyMap<PeerId, number> {
  const counts = new Map<PeerId, number>();
  for (const id of ids) if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}
