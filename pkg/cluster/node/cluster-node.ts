// SPDX-License-Identifier: Apache-2.0

import { assert } from "../../base/mod.ts";

import type { PeerId } from "../placement.ts";
import { desiredOwners, drawOf } from "./assignment.ts";
import type { ClusterEffect, ClusterInput } from "./cluster-messages.ts";
import { nextToGiveUp } from "./handoff-order.ts";
import { KeptShards } from "./kept-shards.ts";
import type { ReplyDecision, Ticket } from "./may-reply.ts";
import { mayReply } from "./may-reply.ts";
import type { Member, MemberInfo, MemberTimes } from "./member.ts";
import type { Membership, MembershipInput, Need } from "./membership.ts";
import { OUTSIDE, stepMembership } from "./membership.ts";
import type { Claimant, Entry } from "./owners.ts";
import { planSegment } from "./owners.ts";
import type { Peer } from "./peer.ts";
import { PeerTable } from "./peer-table.ts";
import type { SegmentNews, SegmentState } from "./segment-table.ts";
import { SegmentTable } from "./segment-table.ts";
import type { Tenure, TenureInput, TenureKind } from "./tenure.ts";
import { stepTenure } from "./tenure.ts";
import { WATCHED } from "./watch-ring.ts";

export interface ClusterNodeDependencies {
  readonly self: Pick<MemberInfo, "pod" | "revision" | "share">;
  readonly times: MemberTimes;
  /** Numbers of shards and segments; all proxies of a service have the same. */
  readonly shards: number;
  readonly segments: number;
  /** Gives a member id that has never been used. */
  readonly newId: () => PeerId;
  /** Carries out what the node wants. Must not call the node before it returns. */
  readonly send: (effect: ClusterEffect) => void;
  /** Whether it stands aside from the beginning, until it is told to come back. Without it: no. */
  readonly isAside?: boolean;
  /** How many others it watches (`watch-ring.ts`). Tests have fewer, to have rings of few members. */
  readonly watched?: number;
  /** Called when what this member does with a shard has changed, for those who count. */
  readonly onTenure?: (
    shard: number,
    before: TenureKind | undefined,
    after: TenureKind | undefined,
    nowMs: number,
  ) => void;
  /** For tests, which show what each decision is for by leaving it out. */
  readonly decisions?: Decisions;
}

/** Decisions that a test may replace. */
export interface Decisions {
  readonly mayReply: typeof mayReply;
  readonly stepTenure: typeof stepTenure;
}

const DECISIONS: Decisions = { mayReply, stepTenure };

/** Where a command for an entity of a shard goes. */
export type Destination =
  | { readonly kind: "here" }
  | { readonly kind: "peer"; readonly peer: PeerId }
  /** Nobody owns the shard, its owner hands it over, or it cannot be reached. Ask again after a `wake`. */
  | { readonly kind: "moving" };

/**
 * One proxy's part in the cluster (ADR 29): what it knows of itself, of the other members, of the owners and of its own
 * shards. Each of these is decided by the pure functions of its file. The node itself has neither clock, network nor
 * chance: the caller says what happens and when, and carries out the effects.
 *
 *     const node = new ClusterNode({ self, times, shards: SHARDS, segments: SEGMENTS, newId, send });
 *     node.handle({ kind: "tick" }, clock.monotonicMs()); // Several times a second.
 *     const ticket = node.begin(shard, clock.monotonicMs()); // Undefined: the shard is not served here.
 *     const pass = node.mayReply(ticket, clock.monotonicMs()); // When the command is carried out and stored.
 *     node.end(ticket); // When its answer has left, or will not leave.
 */
export class ClusterNode {
  readonly #dependencies: ClusterNodeDependencies;
  readonly #decisions: Decisions;
  #membership: Membership = OUTSIDE;
  readonly #peers: PeerTable;
  readonly #segments: SegmentTable;
  readonly #tenures = new Map<number, Tenure>();
  /** By shard, when its tenure became what it is. */
  readonly #tenureMs: Float64Array;
  /** By shard. Undefined: to be computed again, because the members changed. */
  #desired: readonly (PeerId | undefined)[] | undefined;
  /** Revision up to which all changes of the bucket were seen. */
  #seenRevision = 0;
  /** The one that this node has told the others last, or that is on its way to them. */
  #toldRevision = 0;
  /** What the key should say has changed. */
  #hasNews = false;
  #isLeaving = false;
  /** It owns nothing for a while, if others can. */
  #isAside: boolean;
  #open = 0;
  #heartbeatMs: number | undefined;
  /** When it gave up shards of a segment last. */
  #handoverMs: number | undefined;
  readonly #kept: KeptShards;

  constructor(dependencies: ClusterNodeDependencies) {
    const { shards, segments, times, send, watched = WATCHED, decisions = DECISIONS } = dependencies;
    this.#dependencies = dependencies;
    this.#isAside = dependencies.isAside ?? false;
    this.#decisions = decisions;
    this.#segments = new SegmentTable(shards, segments);
    this.#tenureMs = new Float64Array(shards);
    this.#kept = new KeptShards(times.keepAfterMs);
    const onMembersChanged = (): void => {
      this.#desired = undefined;
    };
    this.#peers = new PeerTable({ times, watched, send, onMembersChanged });
  }

  get membership(): Membership {
    return this.#membership;
  }

  /** The id of this member; undefined while it is none. */
  get id(): PeerId | undefined {
    return this.#membership.kind === "member" ? this.#membership.id : undefined;
  }

  /** What this proxy says of itself when it is a member. */
  get info(): MemberInfo {
    const { self, times } = this.#dependencies;
    const { leaseMs } = times;
    const isLeaving = this.#isLeaving || this.#isAside;
    return { ...self, leaseMs, longestLeaseMs: leaseMs, isLeaving, seenRevision: this.#seenRevision };
  }

  get tenures(): ReadonlyMap<number, Tenure> {
    return this.#tenures;
  }

  get peers(): ReadonlyMap<PeerId, Peer> {
    return this.#peers.all;
  }

  /** What the bucket says of a shard, as far as this node knows. */
  entryOf(shard: number): Entry | undefined {
    return this.#segments.entryOf(shard);
  }

  /** By shard, the member that should own it. */
  dueOwners(): readonly (PeerId | undefined)[] {
    this.#desired ??= this.#computeOwners();
    return this.#desired;
  }

  /** When this node saw that the entry of a shard is what it is. */
  entrySinceMs(shard: number): number | undefined {
    return this.#segments.entrySinceMs(shard);
  }

  /** When the tenure of a shard became what it is. */
  tenureSinceMs(shard: number): number | undefined {
    return this.#tenures.has(shard) ? this.#tenureMs[shard] : undefined;
  }

  /** Whether this member serves every shard that it should. A proxy is ready when it does. */
  get isSettled(): boolean {
    const { id } = this;
    if (id === undefined || this.#isLeaving) return false;
    return this.dueOwners().every(
      (owner, shard) => owner !== id || this.#tenures.get(shard)?.kind === "serving",
    );
  }

  /** Whether there is another member that should own shards of this one. */
  get hasHeir(): boolean {
    const { id } = this;
    return this.dueOwners().some((owner) => owner !== undefined && owner !== id);
  }

  handle(input: ClusterInput, nowMs: number): void {
    switch (input.kind) {
      case "tick":
        return this.#tick(nowMs);
      case "stored":
      case "refused":
      case "found":
      case "removed":
        return this.#stepMembership(input, nowMs);
      case "leave":
        return this.#startLeaving(nowMs);
      case "stand-aside":
      case "come-back":
        return this.#standAside(input.kind === "stand-aside", nowMs);
      case "member-seen":
        this.#saw(input.revision);
        return input.id === this.id ? undefined : this.#peers.seen(input, nowMs);
      case "member-gone":
        if (input.revision !== undefined) this.#saw(input.revision);
        return this.#memberGone(input.id, nowMs);
      case "segment-seen":
        return this.#segmentSeen(input, nowMs);
      case "segment-refused":
        return this.#request(input.segment, { kind: "read-segment", segment: input.segment }, nowMs);
      case "heard":
      case "no-responder":
        return this.#peers.step(input.id, { kind: input.kind }, nowMs);
      case "listed":
        return this.#peers.listed(input.members, input.revision, nowMs);
      case "evict-refused":
        return this.#peers.step(input.id, { kind: "refused" }, nowMs);
      case "packed":
        return this.#stepTenure(input.shard, input, nowMs);
      case "reset":
        return this.#reset(nowMs);
    }
  }

  ownerOf(shard: number): Destination {
    const tenure = this.#tenures.get(shard);
    if (tenure !== undefined) return tenure.kind === "serving" ? HERE : MOVING;
    const entry = this.entryOf(shard);
    if (entry?.kind !== "owned" || this.#isSelf(entry.owner)) return MOVING;
    return this.#peers.isReachable(entry.owner) ? { kind: "peer", peer: entry.owner } : MOVING;
  }

  /** Whether this is the member that this node is, is about to become, or was until it left. */
  #isSelf(id: PeerId): boolean {
    const membership = this.#membership;
    return "id" in membership && membership.id === id;
  }

  /** Begins a command of a shard. Undefined if the shard is not served here, or not any more. */
  begin(shard: number, nowMs: number): Ticket | undefined {
    const tenure = this.#tenures.get(shard);
    const { id } = this;
    if (tenure?.kind !== "serving" || id === undefined) return undefined;
    const { epoch } = tenure;
    this.#stepTenure(shard, { kind: "begin", epoch }, nowMs);
    this.#open++;
    // So that the lease is renewed while the command is carried out, and not when its answer waits for it.
    this.#stepMembership({ kind: "tick", need: this.#need() }, nowMs);
    return { shard, member: id, epoch };
  }

  /** If it says `wait`: ask again when a lease was renewed or somebody was woken. */
  mayReply(ticket: Ticket, nowMs: number): ReplyDecision {
    const tenure = this.#tenures.get(ticket.shard);
    return this.#decisions.mayReply(ticket, tenure, this.#membership, nowMs, this.#dependencies.times);
  }

  /** Each ticket ends once. */
  end({ shard, member, epoch }: Ticket, nowMs: number): void {
    this.#open--;
    assert(this.#open >= 0, "a ticket ends once");
    if (member === this.id) this.#stepTenure(shard, { kind: "end", epoch }, nowMs);
  }

  #tick(nowMs: number): void {
    this.#stepMembership({ kind: "tick", need: this.#need() }, nowMs);
    this.#heartbeat(nowMs);
    this.#peers.tick(this.id, nowMs);
    this.#keepBusy(nowMs);
    this.#giveUp(nowMs);
    for (let segment = 0; segment < this.#segments.count; segment++) this.#write(segment, nowMs);
    this.#peers.forgetGone(() => this.#segments.owners, nowMs);
    const isIdle = this.#tenures.size === 0 && this.#segments.isIdle;
    if (this.#isLeaving && isIdle && !this.#hasNews) this.#stepMembership({ kind: "leave" }, nowMs);
  }

  #need(): Need {
    if (this.#hasNews) return "news";
    return this.#open > 0 ? "lease" : "nothing";
  }

  #heartbeat(nowMs: number): void {
    const { id } = this;
    const { heartbeatEveryMs } = this.#dependencies.times;
    const isDue = this.#heartbeatMs === undefined || nowMs - this.#heartbeatMs >= heartbeatEveryMs;
    if (id === undefined || !isDue) return;
    this.#heartbeatMs = nowMs;
    this.#dependencies.send({ kind: "heartbeat", id });
  }

  #stepMembership(input: MembershipInput, nowMs: number): void {
    const { send } = this.#dependencies;
    const before = this.#membership;
    const { state, effects } = stepMembership(before, input, nowMs, this.#dependencies);
    this.#membership = state;
    for (const effect of effects) {
      if (effect.kind === "fence") this.#fence(effect.id, nowMs);
      if (effect.kind !== "join" && effect.kind !== "renew") {
        send(effect);
        continue;
      }
      this.#hasNews = false;
      this.#toldRevision = this.#seenRevision;
      send({ ...effect, info: { ...this.info, longestLeaseMs: this.#peers.longestLeaseMs(nowMs) } });
    }
    if (input.kind !== "stored" || state.kind !== "member" || state === before) return;
    if (before.kind === "joining") this.#joined(state.id, nowMs);
    send({ kind: "lease" });
  }

  /** Another member that saw this one join may have handed shards over before this one knew that it has joined. */
  #joined(id: PeerId, nowMs: number): void {
    this.#peers.joined(id);
    for (let shard = 0; shard < this.#dependencies.shards; shard++) {
      const entry = this.entryOf(shard);
      if (entry?.kind === "owned" && entry.owner === id) this.#entrySeen(shard, entry, nowMs);
    }
  }

  #fence(id: PeerId, nowMs: number): void {
    this.#peers.fenced(id, nowMs);
    for (const shard of this.#tenures.keys()) this.#stepTenure(shard, { kind: "lost" }, nowMs);
  }

  #startLeaving(nowMs: number): void {
    this.#isLeaving = true;
    if (this.id === undefined) return this.#stepMembership({ kind: "leave" }, nowMs);
    this.#hasNews = true;
    this.#desired = undefined;
    this.#tick(nowMs);
  }

  /** Others treat a member that stands aside as one that leaves. It serves the shards that nobody else can. */
  #standAside(isAside: boolean, nowMs: number): void {
    this.#isAside = isAside;
    this.#hasNews = true;
    this.#desired = undefined;
    this.#tick(nowMs);
  }

  /**
   * All changes of the bucket up to this revision were seen. Others take lost shards when every member tells them that
   * it has seen that they are lost.
   */
  #saw(revision: number): void {
    this.#seenRevision = Math.max(this.#seenRevision, revision);
    if (this.#segments.hasLostBetween(this.#toldRevision, this.#seenRevision)) this.#hasNews = true;
  }

  #memberGone(id: PeerId, nowMs: number): void {
    if (this.#membership.kind === "member" && this.#membership.id === id)
      return this.#stepMembership({ kind: "found", id, revision: undefined }, nowMs);
    this.#peers.gone(id, nowMs);
  }

  #computeOwners(): readonly (PeerId | undefined)[] {
    const { id, info } = this;
    const members: Member[] = [...this.#peers.members];
    const isAlone = members.every((member) => member.info.isLeaving);
    const isLeaving = this.#isLeaving || (this.#isAside && !isAlone);
    if (id !== undefined) members.push({ id, info: { ...info, isLeaving } });
    return desiredOwners(this.#dependencies.shards, members);
  }

  /** Gives up shards that others should have, if these can take them, one segment after the other. */
  #giveUp(nowMs: number): void {
    const { id } = this;
    if (id === undefined) return;
    // A member that leaves releases all its shards, also those that no other member can take.
    const isLeft = this.#isLeaving && !this.#hasNews;
    const owners = this.dueOwners();
    const due: number[] = [];
    const untaken: number[] = [];
    let isUnderWay = false;
    for (const [shard, tenure] of this.#tenures) {
      const owner = owners[shard];
      if (tenure.kind !== "serving") isUnderWay = true;
      else if (!this.#isLeaving && this.#kept.isKept(shard, tenure.open, nowMs)) continue;
      else if (owner === undefined && isLeft) untaken.push(shard);
      else if (owner !== undefined && owner !== id && (isLeft || this.#peers.isLive(owner))) due.push(shard);
    }
    const { count } = this.#segments;
    const turnedBy = Math.floor(drawOf(id, 0) * count);
    const placeOf = (shard: number): number => (this.#segments.segmentOf(shard) + turnedBy) % count;
    const next = nextToGiveUp(due, { isUnderWay, begunMs: this.#handoverMs }, placeOf, nowMs);
    if (next.length > 0) this.#handoverMs = nowMs;
    for (const shard of [...next, ...untaken]) this.#stepTenure(shard, { kind: "give-up" }, nowMs);
  }

  /** Serves shards again that wait too long for a command that is open; one that leaves waits for nobody. */
  #keepBusy(nowMs: number): void {
    if (this.#isLeaving) return;
    for (const [shard, { kind }] of this.#tenures) {
      if (kind !== "draining") continue;
      if (!this.#kept.isDue(shard, nowMs - (this.#tenureMs[shard] ?? nowMs))) continue;
      this.#kept.keep(shard, nowMs);
      this.#stepTenure(shard, { kind: "keep" }, nowMs);
    }
  }

  #stepTenure(shard: number, input: TenureInput, nowMs: number): void {
    const before = this.#tenures.get(shard);
    const { state, effects } = this.#decisions.stepTenure(before, input);
    if (state === undefined) {
      this.#tenures.delete(shard);
      this.#kept.forget(shard);
    } else this.#tenures.set(shard, state);
    if (state?.kind !== before?.kind || state?.epoch !== before?.epoch) {
      this.#tenureMs[shard] = nowMs;
      this.#dependencies.onTenure?.(shard, before?.kind, state?.kind, nowMs);
    }
    for (const effect of effects) {
      if (effect.kind === "release") this.#release(shard, nowMs);
      else if (effect.kind === "wake") this.#dependencies.send(effect);
      else this.#dependencies.send({ ...effect, shard });
    }
  }

  /** Releases the shards of a segment by one write, when the last of them is packed; the next tick waits for none. */
  #release(shard: number, nowMs: number): void {
    const { size } = this.#segments;
    const segment = this.#segments.segmentOf(shard);
    for (let other = segment * size; other < (segment + 1) * size; other++)
      if (this.#tenures.get(other)?.kind === "packing") return;
    this.#write(segment, nowMs);
  }

  #segmentSeen(news: SegmentNews, nowMs: number): void {
    const { segment, entries, revision, isWatched } = news;
    const isNew = this.#segments.see(news, nowMs);
    if (isWatched) this.#saw(revision);
    if (isNew) {
      const { size } = this.#segments;
      for (let index = 0; index < size; index++)
        this.#entrySeen(segment * size + index, entries?.[index], nowMs);
      this.#dependencies.send({ kind: "wake" });
    }
    this.#giveUp(nowMs);
    this.#write(segment, nowMs);
  }

  #entrySeen(shard: number, entry: Entry | undefined, nowMs: number): void {
    const isOwn = entry?.kind === "owned" && entry.owner === this.id;
    if (isOwn) this.#stepTenure(shard, { kind: "owned", epoch: entry.epoch }, nowMs);
    else if (this.#tenures.has(shard)) this.#stepTenure(shard, { kind: "lost" }, nowMs);
    if (entry?.kind === "owned" && !this.#isSelf(entry.owner))
      this.#peers.named(entry.owner, entry.leaseMs, nowMs);
  }

  /** Writes what this member takes and gives up in a segment, unless a request for it is under way. */
  #write(segment: number, nowMs: number): void {
    const { id } = this;
    if (id === undefined) return;
    const state = this.#segments.stateOf(segment);
    const isLate = nowMs - (state.sentMs ?? nowMs) >= this.#dependencies.times.answerTimeoutMs;
    if (state.sentMs !== undefined && !isLate) return;
    if (state.segment === undefined || isLate)
      return this.#request(segment, { kind: "read-segment", segment }, nowMs);
    const { size } = this.#segments;
    const first = segment * size;
    const owners = this.dueOwners();
    const entries = planSegment(state.segment, size, {
      self: { id, leaseMs: this.#dependencies.times.leaseMs },
      wants: (index) => owners[first + index] === id,
      isReleasing: (index) => this.#tenures.get(first + index)?.kind === "releasing",
      heirOf: (index) => this.#heirOf(owners[first + index]),
      isOver: (owner, leaseMs) => this.#peers.isOver(owner, leaseMs, nowMs),
      isEveryoneOver: this.#isEveryoneOver(state, nowMs),
    });
    if (entries === undefined) return;
    this.#request(
      segment,
      { kind: "write-segment", segment, expected: state.segment.revision, entries },
      nowMs,
    );
  }

  /** The due owner of a shard that this member gives up, if that is another one and can take it. */
  #heirOf(owner: PeerId | undefined): Claimant | undefined {
    const peer = owner === undefined ? undefined : this.#peers.all.get(owner);
    return owner === undefined || peer?.kind !== "live"
      ? undefined
      : { id: owner, leaseMs: peer.info.leaseMs };
  }

  #request(segment: number, effect: ClusterEffect, nowMs: number): void {
    this.#segments.sent(segment, nowMs);
    this.#dependencies.send(effect);
  }

  /** Whether nobody can still serve shards of a segment whose entries are lost. */
  #isEveryoneOver({ lostMs, segment }: SegmentState, nowMs: number): boolean {
    const revision = segment?.revision ?? 0;
    if (lostMs === undefined || this.#seenRevision < revision) return false;
    return this.#peers.isEveryoneOver(revision, lostMs, nowMs);
  }

  #reset(nowMs: number): void {
    const { id } = this;
    if (id !== undefined) this.#stepMembership({ kind: "found", id, revision: undefined }, nowMs);
    this.#peers.clear(nowMs);
    this.#segments.clear();
    this.#seenRevision = 0;
    this.#toldRevision = 0;
  }
}

const HERE: Destination = { kind: "here" };
const MOVING: Destination = { kind: "moving" };
