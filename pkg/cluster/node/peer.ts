// SPDX-License-Identifier: Apache-2.0

import type { PeerId } from "../placement.ts";
import type { MemberInfo, MemberTimes } from "./member.ts";
import { waitMs } from "./member.ts";

/**
 * What this proxy knows of another member (ADR 29).
 *
 *     live ◀──▶ silent ──▶ evicting ──▶ gone
 *       └──────────┴────────────────────▶ gone
 *
 * 1. A member that is gone stays so, because no id is used twice.
 * 2. A member is gone if its key is: it was seen to go, or an eviction found it gone. That is no opinion of this proxy
 *    but a fact of the bucket, which decides writes one after the other.
 * 3. An eviction deletes the key only if its revision is the newest that this proxy saw. So a member that renewed
 *    meanwhile stays, and counts as heard.
 * 4. A member falls silent for those that watch it (`watch-ring.ts`), and for whoever finds no responder.
 * 5. Only pings that find no responder lead to an eviction, and a list of all keys that lacks its own. A ping that is
 *    not answered says nothing: the member may be cut off for a moment, and the server drops its key if it stays so.
 */
export type Peer =
  | { readonly kind: "live"; readonly info: MemberInfo; readonly revision: number; readonly heardMs: number }
  | {
      readonly kind: "silent";
      readonly info: MemberInfo;
      readonly revision: number;
      readonly heardMs: number;
      readonly pingedMs: number;
      /** When a ping or a command found no responder. */
      readonly missedMs: number | undefined;
    }
  | {
      readonly kind: "evicting";
      readonly info: MemberInfo;
      readonly revision: number;
      readonly heardMs: number;
      readonly sentMs: number;
    }
  | { readonly kind: "gone"; readonly info: MemberInfo; readonly goneMs: number };

export type PresentPeer = Exclude<Peer, { kind: "gone" }>;

export type PeerInput =
  /** Time has passed. Whether its heartbeats would be heard: if not, its silence says nothing. */
  | { readonly kind: "tick"; readonly isWatched: boolean }
  /** Its key was seen to be created or replaced. */
  | { readonly kind: "seen"; readonly info: MemberInfo; readonly revision: number }
  /** A heartbeat, or an answer to a ping. */
  | { readonly kind: "heard" }
  /**
   * A ping, or a command sent to it, found no responder. `isReconnecting`: NATS was away a moment ago, and the member
   * may only be slower to connect again than this proxy. So it is not asked for anything, and not evicted.
   */
  | { readonly kind: "no-responder"; readonly isReconnecting?: boolean }
  /** All keys were listed, and its own is not among them. */
  | { readonly kind: "unlisted" }
  /** Its key was seen to go, or an eviction was answered: it is gone now, or was before. */
  | { readonly kind: "gone" }
  /** An eviction was refused, because its key is there and has another revision. */
  | { readonly kind: "refused" };

export type PeerEffect =
  | { readonly kind: "ping"; readonly id: PeerId }
  | { readonly kind: "evict"; readonly id: PeerId; readonly revision: number };

export interface PeerStep {
  readonly state: Peer;
  readonly effects: readonly PeerEffect[];
}

/** A member whose key is there. */
export function seenPeer(info: MemberInfo, revision: number, nowMs: number): PresentPeer {
  return { kind: "live", info, revision, heardMs: nowMs };
}

/**
 * A member that owns a shard and whose key was never seen: it may be gone, or the news of it are late. No key has
 * revision 0, so an eviction finds out whether there is one. If there is none, it leaves the mark of a deleted key.
 */
export function unseenPeer(id: PeerId, leaseMs: number, nowMs: number): PresentPeer {
  const own = { pod: id, revision: "", share: 0, isLeaving: false };
  const info = { ...own, leaseMs, longestLeaseMs: leaseMs, seenRevision: 0 };
  return { kind: "live", info, revision: 0, heardMs: nowMs };
}

export function stepPeer(
  id: PeerId,
  state: Peer,
  input: PeerInput,
  nowMs: number,
  times: MemberTimes,
): PeerStep {
  if (state.kind === "gone") return stay(state);
  switch (input.kind) {
    case "tick":
      return afterTime(id, state, input.isWatched, nowMs, times);
    case "seen":
      return stay(input.revision > state.revision ? seenPeer(input.info, input.revision, nowMs) : state);
    case "heard":
      return stay(heard(state, nowMs));
    case "no-responder":
      return afterMiss(id, state, input.isReconnecting === true, nowMs, times);
    case "unlisted":
      return state.kind === "evicting" ? stay(state) : evict(id, state, nowMs);
    case "gone":
      return stay({ kind: "gone", info: state.info, goneMs: nowMs });
    case "refused":
      // It renewed, and the news of that are on their way.
      return stay(state.kind === "evicting" ? heard(state, nowMs) : state);
  }
}

/** Whether the member's last lease, of this length, is over for certain, so that its shards may be taken. */
export function isOver(state: Peer, leaseMs: number, nowMs: number): boolean {
  return state.kind === "gone" && nowMs - state.goneMs >= waitMs(leaseMs);
}

function afterTime(
  id: PeerId,
  state: PresentPeer,
  isWatched: boolean,
  nowMs: number,
  times: MemberTimes,
): PeerStep {
  switch (state.kind) {
    case "live":
      return isWatched && nowMs - state.heardMs >= times.silentAfterMs
        ? ping(id, state, undefined, nowMs)
        : stay(state);
    case "silent":
      return nowMs - state.pingedMs >= times.pingEveryMs
        ? ping(id, state, state.missedMs, nowMs)
        : stay(state);
    case "evicting":
      return nowMs - state.sentMs >= times.answerTimeoutMs ? evict(id, state, nowMs) : stay(state);
  }
}

function afterMiss(
  id: PeerId,
  state: PresentPeer,
  isReconnecting: boolean,
  nowMs: number,
  times: MemberTimes,
): PeerStep {
  if (state.kind === "evicting") return stay(state);
  const missedMs = state.kind === "silent" ? state.missedMs : undefined;
  if (missedMs === undefined || isReconnecting) {
    const { info, revision, heardMs } = state;
    return stay({ kind: "silent", info, revision, heardMs, pingedMs: nowMs, missedMs: nowMs });
  }
  // A member that connects again has no responder for a moment, in which many commands may be sent to it.
  return nowMs - missedMs >= times.pingEveryMs ? evict(id, state, nowMs) : stay(state);
}

function ping(id: PeerId, state: PresentPeer, missedMs: number | undefined, nowMs: number): PeerStep {
  const { info, revision, heardMs } = state;
  return {
    state: { kind: "silent", info, revision, heardMs, pingedMs: nowMs, missedMs },
    effects: [{ kind: "ping", id }],
  };
}

function evict(id: PeerId, { info, revision, heardMs }: PresentPeer, nowMs: number): PeerStep {
  return {
    state: { kind: "evicting", info, revision, heardMs, sentMs: nowMs },
    effects: [{ kind: "evict", id, revision }],
  };
}

function heard({ info, revision }: PresentPeer, nowMs: number): Peer {
  return { kind: "live", info, revision, heardMs: nowMs };
}

function stay(state: Peer): PeerStep {
  return { state, effects: [] };
}
