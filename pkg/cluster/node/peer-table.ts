// SPDX-License-Identifier: Apache-2.0

import type { PeerId } from "../placement.ts";
import type { Member, MemberInfo, MemberTimes } from "./member.ts";
import { waitMs } from "./member.ts";
import type { Peer, PeerEffect, PeerInput, PresentPeer } from "./peer.ts";
import { isOver, seenPeer, stepPeer, unseenPeer } from "./peer.ts";
import { watchedBy } from "./watch-ring.ts";

export interface PeerTableDependencies {
  readonly times: MemberTimes;
  /** How many others this member watches. */
  readonly watched: number;
  readonly send: (effect: PeerEffect | ListenEffect | { readonly kind: "wake" }) => void;
  /** Other members than before may own shards. */
  readonly onMembersChanged: () => void;
}

/** Hear the heartbeats of these members from now on, and of no others. */
export interface ListenEffect {
  readonly kind: "listen";
  readonly ids: readonly PeerId[];
}

/** What a node knows of the other members, by their ids. `peer.ts` decides about each. */
export class PeerTable {
  readonly #dependencies: PeerTableDependencies;
  readonly #peers = new Map<PeerId, Peer>();
  /** The member for whom `#heard` was found; undefined: it is to be found again, because a member has changed. */
  #watching: PeerId | undefined;
  /** Whose heartbeats are heard. It stays as it is while this node is no member. */
  #heard: ReadonlySet<PeerId> = new Set();
  /** The members of a bucket that was replaced: how long their leases are, and when these are over for certain. */
  #former = { leaseMs: 0, overMs: 0 };

  constructor(dependencies: PeerTableDependencies) {
    this.#dependencies = dependencies;
  }

  get all(): ReadonlyMap<PeerId, Peer> {
    return this.#peers;
  }

  /** Those that may own shards, as far as this node knows. */
  get members(): readonly Member[] {
    const members: Member[] = [];
    for (const [id, peer] of this.#peers)
      if (peer.kind !== "gone" && peer.revision > 0) members.push({ id, info: peer.info });
    return members;
  }

  isLive(id: PeerId): boolean {
    return this.#peers.get(id)?.kind === "live";
  }

  /** Whether a command may be sent to it. */
  isReachable(id: PeerId): boolean {
    const peer = this.#peers.get(id);
    return peer?.kind === "live" || (peer?.kind === "silent" && peer.missedMs === undefined);
  }

  isOver(id: PeerId, leaseMs: number, nowMs: number): boolean {
    const peer = this.#peers.get(id);
    return peer !== undefined && isOver(peer, leaseMs, nowMs);
  }

  /**
   * Whether nobody can still serve shards whose entries were lost with this revision, as this node saw at `lostMs`:
   * every member has seen that they are, or is over. Those whose keys were wiped too have no lease any more when the
   * longest one has passed that anybody knows of.
   */
  isEveryoneOver(revision: number, lostMs: number, nowMs: number): boolean {
    let longestMs = this.longestLeaseMs(nowMs);
    for (const peer of this.#peers.values()) {
      longestMs = Math.max(longestMs, peer.info.longestLeaseMs);
      const hasSeen = peer.kind !== "gone" && peer.info.seenRevision >= revision;
      if (!hasSeen && !isOver(peer, peer.info.leaseMs, nowMs)) return false;
    }
    return nowMs - lostMs >= waitMs(longestMs);
  }

  /** @param self the member that this node is; undefined: none. */
  tick(self: PeerId | undefined, nowMs: number): void {
    if (self !== undefined && this.#watching !== self) this.#watch(self);
    for (const id of this.#peers.keys())
      this.step(id, { kind: "tick", isWatched: this.#heard.has(id) }, nowMs);
  }

  /** The longest lease of all members that may still answer, as far as this node has seen itself; also its own. */
  longestLeaseMs(nowMs: number): number {
    let longestMs = this.#dependencies.times.leaseMs;
    if (nowMs < this.#former.overMs) longestMs = Math.max(longestMs, this.#former.leaseMs);
    for (const peer of this.#peers.values())
      if (!isOver(peer, peer.info.leaseMs, nowMs)) longestMs = Math.max(longestMs, peer.info.leaseMs);
    return longestMs;
  }

  seen({ id, info, revision }: Member & { readonly revision: number }, nowMs: number): void {
    const known = this.#peers.get(id);
    if (known === undefined) this.#add(id, seenPeer(info, revision, nowMs));
    else this.step(id, { kind: "seen", info, revision }, nowMs);
    if (known === undefined || (known.kind !== "gone" && changesOwners(known, info)))
      this.#dependencies.onMembersChanged();
  }

  /** An entry names a member, of which no key may have been seen. */
  named(id: PeerId, leaseMs: number, nowMs: number): void {
    if (!this.#peers.has(id)) this.#add(id, unseenPeer(id, leaseMs, nowMs));
  }

  /**
   * All keys up to this revision are those of these members. Others whose keys are older went while nobody looked, or
   * without a mark, which an eviction finds out: nothing is decided by the list, which a server may make that lags.
   */
  listed(members: ReadonlySet<PeerId>, revision: number, nowMs: number): void {
    for (const [id, peer] of this.#peers)
      if (peer.kind !== "gone" && peer.revision <= revision && !members.has(id))
        this.step(id, { kind: "unlisted" }, nowMs);
  }

  gone(id: PeerId, nowMs: number): void {
    if (this.#peers.has(id)) this.step(id, { kind: "gone" }, nowMs);
    else this.#add(id, this.#goneAt(id, nowMs));
  }

  /** This node itself is the member with this id no more. Whether its key is gone or not, it answers nothing. */
  fenced(id: PeerId, nowMs: number): void {
    this.#add(id, this.#goneAt(id, nowMs));
    this.#dependencies.onMembersChanged();
  }

  /** This node itself has become the member with this id. */
  joined(id: PeerId): void {
    this.#peers.delete(id);
    this.#watching = undefined;
    this.#dependencies.onMembersChanged();
  }

  step(id: PeerId, input: PeerInput, nowMs: number): void {
    const before = this.#peers.get(id);
    if (before === undefined) return;
    const { times, send, onMembersChanged } = this.#dependencies;
    const { state, effects } = stepPeer(id, before, input, nowMs, times);
    this.#peers.set(id, state);
    for (const effect of effects) send(effect);
    if (state.kind === before.kind) return;
    this.#watching = undefined;
    if (state.kind === "gone") onMembersChanged();
    send({ kind: "wake" });
  }

  /**
   * Forgets members that have been gone for long and own nothing. If an entry names one later, it is found gone again.
   * Until its last lease is over for certain, whoever takes lost shards has to know of it.
   *
   * @param ownersOf gives everybody that an entry names.
   */
  forgetGone(ownersOf: () => ReadonlySet<PeerId>, nowMs: number): void {
    const { ttlMs } = this.#dependencies.times;
    const old = [...this.#peers].filter(([, peer]) =>
      isOver(peer, Math.max(ttlMs, peer.info.leaseMs), nowMs),
    );
    if (old.length === 0) return;
    const owners = ownersOf();
    for (const [id] of old) if (!owners.has(id)) this.#peers.delete(id);
  }

  /** The bucket is another one, in which none of the members has a key yet. They may still answer for a while. */
  clear(nowMs: number): void {
    const leaseMs = this.longestLeaseMs(nowMs);
    this.#former = { leaseMs, overMs: nowMs + waitMs(leaseMs) };
    this.#peers.clear();
    this.#watching = undefined;
    this.#dependencies.onMembersChanged();
  }

  #add(id: PeerId, peer: Peer): void {
    this.#peers.set(id, peer);
    this.#watching = undefined;
  }

  #watch(self: PeerId): void {
    const { watched, send } = this.#dependencies;
    const present = [...this.#peers].filter(([, { kind }]) => kind !== "gone");
    // Of one whose key was never seen nobody knows who watches it. It is one of the members soon, or gone.
    const unseen = present.filter(([, peer]) => peer.kind !== "gone" && peer.revision === 0);
    const idsOf = (peers: typeof present): PeerId[] => peers.map(([id]) => id);
    const following = watchedBy(self, idsOf(present), watched, (id) => this.isLive(id));
    const ids = new Set([...following, ...idsOf(unseen)]);
    this.#watching = self;
    const isSame = ids.size === this.#heard.size && [...ids].every((id) => this.#heard.has(id));
    if (isSame) return;
    this.#heard = ids;
    send({ kind: "listen", ids: [...ids] });
  }

  #goneAt(id: PeerId, nowMs: number): Peer {
    return {
      kind: "gone",
      info: unseenPeer(id, this.#dependencies.times.leaseMs, nowMs).info,
      goneMs: nowMs,
    };
  }
}

function changesOwners({ revision, info }: PresentPeer, { isLeaving, share }: MemberInfo): boolean {
  return revision === 0 || info.isLeaving !== isLeaving || info.share !== share;
}
