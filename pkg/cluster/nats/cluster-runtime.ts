// SPDX-License-Identifier: Apache-2.0

import type { Clock, Random, Timer } from "../../base/mod.ts";
import { SEGMENTS, SHARDS, settlesWithin, shortId } from "../../base/mod.ts";
import type { NatsLink } from "../../nats/mod.ts";
import type { Telemetry } from "../../telemetry/mod.ts";
import type { ClusterEffect, ClusterInput, ClusterView, Decisions, MemberInfo } from "../node/mod.ts";
import { ClusterNode, progressOf, viewOf } from "../node/mod.ts";

import type { Owner, PeerId, Placement } from "../placement.ts";
import type { Admission, ReplyGate } from "../reply-gate.ts";
import type { ClusterOptions } from "../settings.ts";
import type { ShardHost } from "../shard-host.ts";
import { Admissions } from "./admissions.ts";
import { ClusterBucket } from "./bucket.ts";
import { BucketDesk } from "./bucket-desk.ts";
import { BucketWatch } from "./bucket-watch.ts";
import { MemberTalk } from "./member-talk.ts";
import { memberTimes } from "./member-times.ts";
import { ShardMeter } from "./shard-meter.ts";
import { ShardPacker } from "./shard-packer.ts";
import { WakeUp } from "./wake-up.ts";

export interface ClusterRuntimeDependencies {
  readonly link: NatsLink;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Has no shard taken yet. */
  readonly host: ShardHost;
  readonly self: Pick<MemberInfo, "pod" | "revision" | "share">;
  /** Of the stream with members and owners; all proxies of a service have the same. Letters, digits, `-` and `_`. */
  readonly name: string;
  /** Servers that keep a copy of the stream, if this proxy makes it. */
  readonly replicas: number;
  readonly requestTimeoutMs: number;
  readonly options: ClusterOptions;
  /** Called when this proxy becomes a member, and with undefined when it is none any more. */
  readonly onMember?: (id: PeerId | undefined) => void;
  /** Called when something has changed of who owns what, or who is there. */
  readonly onChange?: () => void;
  /** See `ClusterNodeDependencies`. */
  readonly decisions?: Decisions;
}

/** How often the node is told that time has passed. A member that is late by so much is late by little. */
const TICK_MS = 50;

/**
 * After NATS was away, all proxies connect again within one pause between two attempts, if connections are refused at
 * once. For so many pauses, one that was there first does not conclude from a missing subscriber that another is gone.
 */
const RECONNECT_PAUSES = 2;

/**
 * A proxy's part in its cluster: the decisions of `ClusterNode` (ADR 29), connected to NATS, to the clock and to the
 * entities of this proxy.
 *
 *     const join = await ClusterRuntime.prepare({ link, host, self, name, … });
 *     const cluster = join();
 *     cluster.ownerOf(shard); // As `Placement`: here, at a peer, or moving.
 *     const admission = cluster.begin(shard); // As `ReplyGate`.
 *     await cluster.leave(); // Gives the shards to others.
 *     await cluster.close();
 *
 * 1. The node handles one thing after the other. What it wants is carried out when it has returned, in order, and
 *    whatever the host does in between (end a command, begin another) is handled after it.
 * 2. Everybody who waits for a shard or a lease is woken when all of that is done.
 * 3. While there is no connection, nothing is sent to others: commands for their shards wait, as for shards that move.
 * 4. What NATS does not answer is no input. The node decides by time what that means.
 */
export class ClusterRuntime implements Placement, ReplyGate {
  readonly #dependencies: ClusterRuntimeDependencies;
  readonly #node: ClusterNode;
  readonly #desk: BucketDesk;
  readonly #watch: BucketWatch;
  readonly #talk: MemberTalk;
  readonly #packer: ShardPacker;
  readonly #admissions: Admissions;
  readonly #forgetLink: () => void;
  readonly #wakeUp = new WakeUp();
  readonly #left = Promise.withResolvers<void>();
  /** While it stands aside: resolves when it has no shards that others can take, and when it comes back. */
  #aside: PromiseWithResolvers<void> | undefined;
  /** After it has come back: resolves when it serves its part of the shards again. */
  #back: PromiseWithResolvers<void> | undefined;
  /** Wanted by the node, and not carried out yet. */
  readonly #wanted: ClusterEffect[] = [];
  #isCarryingOut = false;
  #isWoken = false;
  #hasLease = false;
  #isClosed = false;
  #reconnectedMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  /** The id that `onMember` was called with. */
  #told: PeerId | undefined;

  private constructor(dependencies: ClusterRuntimeDependencies, bucket: ClusterBucket, isAside: boolean) {
    const { link, clock, random, telemetry, self, name, options, decisions } = dependencies;
    this.#dependencies = dependencies;
    const moves = new ShardMeter(telemetry.meter);
    this.#node = new ClusterNode({
      self,
      times: memberTimes(options),
      shards: SHARDS,
      segments: SEGMENTS,
      isAside,
      newId: () => `${self.pod}.${shortId(random)}`,
      send: (effect) => void this.#wanted.push(effect),
      onTenure: (...change) => moves.changed(...change),
      ...(decisions && { decisions }),
    });
    const suspect = (): void => this.#watch.suspect();
    this.#desk = new BucketDesk({
      bucket,
      handle: (input) => this.#handle(input),
      onStored: (revision) => this.#watch.stored(revision),
      onDoubt: suspect,
    });
    this.#talk = new MemberTalk({
      link,
      name,
      onHeard: (id) => this.#handle({ kind: "heard", id }),
      onNoResponder: (id) => this.noResponder(id),
    });
    this.#packer = new ShardPacker({
      ...dependencies,
      timeoutMs: options.shardPackTimeoutMs,
      isPacking: (shard, epoch) => this.#isPacking(shard, epoch),
      onPacked: (shard, epoch) => this.#handle({ kind: "packed", shard, epoch }),
    });
    this.#admissions = new Admissions({
      meter: telemetry.meter,
      mayReply: (ticket) => this.#node.mayReply(ticket, clock.monotonicMs()),
      end: (ticket) => {
        this.#node.end(ticket, clock.monotonicMs());
        this.#carryOutAll();
      },
    });
    this.#forgetLink = link.onConnected(() => {
      this.#reconnectedMs = clock.monotonicMs();
      suspect();
      this.#wakeUp.call(); // (3)
    });
    this.#watch = new BucketWatch({
      bucket,
      clock,
      telemetry,
      onChange: (change) => this.#handle(this.#desk.inputOf(change)),
      onListed: (members, revision) => this.#handle({ kind: "listed", members, revision }),
      onReset: () => {
        this.#desk.reset();
        this.#handle({ kind: "reset" });
      },
    });
    this.#tick();
  }

  /**
   * Finds the bucket or makes it. The function that it gives joins, as soon as it can; so a proxy that is stopped in
   * the meantime does not. With `isAside` it tells the others from the beginning that it stands aside, as it would by
   * `standAside`, so that none of them hands it shards before.
   *
   * @throws NatsError if the bucket can neither be found nor made.
   */
  static async prepare(
    dependencies: ClusterRuntimeDependencies,
  ): Promise<(isAside?: boolean) => ClusterRuntime> {
    const { link, name, replicas, requestTimeoutMs, options } = dependencies;
    const bucket = await ClusterBucket.open(link, {
      name,
      replicas,
      segments: SEGMENTS,
      segmentSize: SHARDS / SEGMENTS,
      ttlMs: options.memberTtlMs,
      requestTimeoutMs,
    });
    return (isAside = false) => new ClusterRuntime(dependencies, bucket, isAside);
  }

  /** The id of this member; undefined while it is none. */
  get id(): PeerId | undefined {
    return this.#node.id;
  }

  /** Whether this proxy is a member and serves every shard that it should. It is ready only if it does. */
  get isSettled(): boolean {
    return this.#node.isSettled;
  }

  /** How many shards this member should serve, and how many of them it serves. */
  get progress(): { readonly due: number; readonly served: number } {
    return progressOf(this.#node);
  }

  /** Who owns what and what moves, as this proxy knows it now. */
  view(): ClusterView {
    return viewOf(this.#node, this.#dependencies.clock.monotonicMs());
  }

  /** What is known of the cluster, to be shown to people. */
  get node(): Pick<ClusterNode, "membership" | "tenures" | "peers" | "entryOf" | "hasHeir"> {
    return this.#node;
  }

  ownerOf(shard: number): Owner {
    const destination = this.#node.ownerOf(shard);
    const isOutOfReach = destination.kind === "peer" && !this.#dependencies.link.isConnected; // (3)
    if (destination.kind !== "moving" && !isOutOfReach) return destination;
    return { kind: "moving", until: this.#wakeUp.next };
  }

  begin(shard: number): Admission | undefined {
    const ticket = this.#node.begin(shard, this.#dependencies.clock.monotonicMs());
    if (this.#wanted.length > 0) this.#carryOutAll();
    return ticket && this.#admissions.admit(ticket);
  }

  /** A command that was sent to another member found no subscriber. */
  noResponder(id: PeerId): void {
    const { clock, link } = this.#dependencies;
    const sinceMs = clock.monotonicMs() - this.#reconnectedMs;
    const isReconnecting = sinceMs < RECONNECT_PAUSES * link.longestReconnectPauseMs;
    this.#handle({ kind: "no-responder", id, isReconnecting });
  }

  /**
   * Hands all shards over and leaves. Resolves when that is done or its time is over.
   *
   * @returns whether it is done. If not, others find out that this member is gone when it answers no more.
   */
  async leave(): Promise<boolean> {
    this.#handle({ kind: "leave" });
    const { clock, options } = this.#dependencies;
    return await settlesWithin(this.#left.promise, options.handoffTimeoutMs, clock);
  }

  /**
   * Hands its shards over and stays a member, until `comeBack`. Resolves when that is done, when its time is over, when
   * nobody is there who could take them, or when it comes back.
   *
   * @returns whether others have all of them. If not, it still serves those that nobody can take, and goes on giving
   * the others away.
   */
  async standAside(): Promise<boolean> {
    const { clock, options } = this.#dependencies;
    const aside = this.#aside ?? Promise.withResolvers<void>();
    if (this.#aside === undefined) {
      this.#aside = aside;
      this.#handle({ kind: "stand-aside" });
    }
    await settlesWithin(aside.promise, options.handoffTimeoutMs, clock);
    return this.#aside === aside && this.#node.tenures.size === 0;
  }

  /** Takes its part of the shards again. Resolves when it serves them all, or when its time is over. */
  async comeBack(): Promise<void> {
    if (this.#aside === undefined) return;
    const { clock, options } = this.#dependencies;
    this.#aside.resolve();
    this.#aside = undefined;
    const back = Promise.withResolvers<void>();
    this.#back = back;
    this.#handle({ kind: "come-back" });
    await settlesWithin(back.promise, options.handoffTimeoutMs, clock);
  }

  /** Ends it at once, without a handover. The link stays open. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#forgetLink();
    this.#watch.close();
    this.#talk.close();
    this.#admissions.close();
    this.#wakeUp.call();
  }

  #tick(): void {
    this.#handle({ kind: "tick" });
    this.#watch.check();
    this.#timer = this.#dependencies.clock.schedule(TICK_MS, () => this.#tick());
  }

  #handle(input: ClusterInput): void {
    if (this.#isClosed) return;
    const { clock } = this.#dependencies;
    const wasMember = this.#node.id;
    this.#node.handle(input, clock.monotonicMs());
    if (this.#node.id !== undefined && this.#node.id !== wasMember) {
      this.#dependencies.telemetry.logger.info("cluster: joined", { member: this.#node.id });
      // So that shards are claimed now.
      this.#node.handle({ kind: "tick" }, clock.monotonicMs());
    }
    this.#carryOutAll();
  }

  #carryOutAll(): void {
    if (this.#isCarryingOut) return;
    this.#isCarryingOut = true;
    try {
      let effect = this.#wanted.shift();
      for (; effect !== undefined; effect = this.#wanted.shift()) this.#carryOut(effect);
    } finally {
      this.#isCarryingOut = false;
    }
    this.#talk.listenAs(this.#node.id);
    this.#tellMember();
    if (this.#node.membership.kind === "left") this.#left.resolve();
    if (this.#aside !== undefined && (this.#node.tenures.size === 0 || !this.#node.hasHeir))
      this.#aside.resolve();
    if (this.#back !== undefined && this.isSettled) this.#back.resolve();
    this.#wakeAll();
  }

  /** Wakes those who wait (2). Who waits for a shard is not woken by a lease, which busy members renew all the time. */
  #wakeAll(): void {
    const isWoken = this.#isWoken;
    if (!isWoken && !this.#hasLease) return;
    this.#isWoken = false;
    this.#hasLease = false;
    if (isWoken) this.#wakeUp.call();
    this.#admissions.askAgain();
    if (isWoken) this.#dependencies.onChange?.();
  }

  #tellMember(): void {
    const { id } = this.#node;
    if (id === this.#told) return;
    this.#told = id;
    this.#dependencies.onMember?.(id);
  }

  #carryOut(effect: ClusterEffect): void {
    switch (effect.kind) {
      case "heartbeat":
        return this.#talk.heartbeat(effect.id);
      case "listen":
        return this.#talk.listenTo(effect.ids);
      case "ping":
        return this.#talk.ping(effect.id);
      case "fence":
        this.#dependencies.telemetry.logger.warn(
          "cluster: this proxy is no member any more, and joins anew",
          {
            member: effect.id,
          },
        );
        return this.#watch.suspect();
      case "take":
        return this.#dependencies.host.take(effect.shard);
      case "drop":
        return this.#dependencies.host.drop(effect.shard);
      case "pack":
        return this.#packer.pack(effect.shard, effect.epoch);
      case "wake":
        this.#isWoken = true;
        return;
      case "lease":
        this.#hasLease = true;
        return;
      case "join":
      case "renew":
      case "look-up":
      case "leave":
      case "evict":
      case "write-segment":
      case "read-segment":
        void this.#desk.carryOut(effect);
    }
  }

  #isPacking(shard: number, epoch: number): boolean {
    const tenure = this.#node.tenures.get(shard);
    return tenure?.kind === "packing" && tenure.epoch === epoch;
  }
}
