// SPDX-License-Identifier: Apache-2.0

import type { PeerId } from "../../pkg/cluster/mod.ts";
import type { ClusterEffect, ClusterInput, MemberTimes } from "../../pkg/cluster/node/mod.ts";
import { ClusterNode } from "../../pkg/cluster/node/mod.ts";

import { CommandDesk } from "./command-desk.ts";
import type { Command, OnAnswer } from "./history.ts";
import type { Machine } from "./machine.ts";
import { decisionsOf } from "./mutants.ts";
import type { Proxy, World } from "./world.ts";
import { SEGMENTS, SHARDS, TIMES } from "./world.ts";

const TICK_MS = 50;

type MemberEffect = Extract<ClusterEffect, { kind: "join" | "renew" | "look-up" | "leave" | "evict" }>;
type SegmentEffect = Extract<ClusterEffect, { kind: "write-segment" | "read-segment" }>;

/** A bucket that was replaced is noticed within so long, when the watch of the former one ends. */
const MOST_NOTICE_MS = 1_000;

/** After so long without an answer, the keys are asked for again. */
const LIST_AGAIN_MS = 1_000;

/** What a proxy says of itself. */
export interface About {
  readonly revision: string;
  readonly share: number;
  readonly leaseMs: number;
}

/** One proxy's process: the real cluster node, and a model of what is around it. */
export class SimulatedProxy implements Proxy {
  readonly world: World;
  readonly machine: Machine;
  readonly node: ClusterNode;
  readonly times: MemberTimes;
  steadySinceMs: number;
  readonly #desk: CommandDesk;
  #id: PeerId | undefined;
  #watched = 0;
  #heard: ReadonlySet<PeerId> = new Set();
  /** Of the bucket whose changes it has seen. */
  #generation: number;
  #isPumping = false;
  #isLeaving = false;

  constructor(world: World, machine: Machine, { leaseMs, ...about }: About) {
    this.world = world;
    this.machine = machine;
    this.times = { ...TIMES, leaseMs };
    this.steadySinceMs = world.scheduler.nowMs;
    this.#generation = world.bucket.generation;
    this.#desk = new CommandDesk(this);
    this.node = new ClusterNode({
      self: { pod: machine.name, ...about },
      times: this.times,
      shards: SHARDS,
      segments: SEGMENTS,
      newId: () => world.newId(machine.name),
      watched: world.options.watched,
      send: (effect) => this.#carryOut(effect),
      decisions: decisionsOf(world.options.mutant),
    });
    world.proxies.set(machine.name, this);
    this.tell(() => "starts");
    this.watch();
    this.#tick();
  }

  take(command: Command, hops: number, onAnswer: OnAnswer): void {
    this.#desk.take(command, hops, onAnswer);
  }

  handle(input: ClusterInput): void {
    this.node.handle(input, this.machine.monotonicMs());
    this.#subscribe();
  }

  hears(id: PeerId): boolean {
    return this.#heard.has(id);
  }

  standAside(): void {
    this.tell(() => "stands aside");
    this.steadySinceMs = Number.POSITIVE_INFINITY;
    this.handle({ kind: "stand-aside" });
  }

  leave(): void {
    this.#isLeaving = true;
    this.steadySinceMs = Number.POSITIVE_INFINITY;
    this.handle({ kind: "leave" });
  }

  comeBack(): void {
    this.tell(() => "comes back");
    if (!this.#isLeaving) this.steadySinceMs = this.world.scheduler.nowMs;
    this.handle({ kind: "come-back" });
  }

  watch(): void {
    const { bucket, networkRandom } = this.world;
    const isAnother = this.#generation !== bucket.generation;
    if (this.#isPumping || (!isAnother && this.#watched >= bucket.changes.length)) return;
    this.#isPumping = true;
    const delayMs = this.world.delayMs() + (isAnother ? networkRandom() * MOST_NOTICE_MS : 0);
    this.machine.receive(delayMs, () => {
      this.#isPumping = false;
      this.#compare();
      const changes = bucket.changes.slice(this.#watched);
      this.#watched += changes.length;
      this.world.traffic.delivered("watch", changes.length);
      for (const change of changes) {
        const { revision } = change;
        if (change.kind === "segment") this.handle({ ...change, kind: "segment-seen", isWatched: true });
        else if (change.info === undefined) this.handle({ kind: "member-gone", id: change.id, revision });
        else this.handle({ kind: "member-seen", id: change.id, info: change.info, revision });
      }
    });
    // What was lost with a broken link is sent again.
    this.machine.after(isAnother ? delayMs + 200 : 200, () => {
      this.#isPumping = false;
      this.watch();
    });
  }

  /** Whether the bucket is another one than that of which it has seen changes. */
  #compare(): void {
    const { generation } = this.world.bucket;
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.#watched = 0;
    this.tell(() => "sees that the bucket is another one");
    this.handle({ kind: "reset" });
  }

  tell(what: () => string): void {
    this.world.tell(this.machine.name, what);
  }

  request<T>(ask: () => T, answer: (value: T) => void): void {
    const { world, machine } = this;
    machine.send(world.delayMs(), () => {
      if (world.isLost()) return;
      world.traffic.sent("request");
      const value = ask();
      if (world.isLost()) return;
      world.traffic.delivered("request");
      machine.receive(world.delayMs(), () => answer(value));
    });
  }

  #tick(): void {
    this.handle({ kind: "tick" });
    this.machine.after(TICK_MS, () => this.#tick());
  }

  /** A member listens under its present id. */
  #subscribe(): void {
    const { id } = this.node;
    if (id === this.#id) return;
    if (this.#id !== undefined) this.world.subscribers.delete(this.#id);
    if (id !== undefined) this.world.subscribers.set(id, this);
    this.tell(() => (id === undefined ? `is no member any more (${this.#id})` : `is a member: ${id}`));
    this.#id = id;
  }

  #carryOut(effect: ClusterEffect): void {
    switch (effect.kind) {
      case "heartbeat":
        return this.#broadcast(effect.id);
      case "listen":
        this.#heard = new Set(effect.ids);
        return;
      case "ping":
        return this.#ping(effect.id);
      case "fence":
        this.tell(() => `is fenced (${effect.id})`);
        return this.#list();
      case "take":
      case "pack":
      case "drop":
        this.tell(() => `${WORDS[effect.kind]} shard ${effect.shard}, epoch ${effect.epoch}`);
        return this.#desk.host(effect);
      case "wake":
      case "lease":
        // The node must not be called before it returns.
        return this.machine.after(0, () => this.#desk.askAgain());
      case "write-segment":
      case "read-segment":
        return this.#askForSegment(effect);
      case "join":
      case "renew":
      case "look-up":
      case "leave":
      case "evict":
        return this.#askForMember(effect);
    }
  }

  /** The real watch starts anew, and shows all keys again; also if that takes several tries. */
  #list(): void {
    let isListed = false;
    this.#askBucket(
      () => this.world.bucket.list(),
      (list) => {
        isListed = true;
        this.handle({ kind: "listed", ...list });
      },
    );
    this.machine.after(LIST_AGAIN_MS, () => {
      if (!isListed) this.#list();
    });
  }

  #askForMember(effect: MemberEffect): void {
    const { bucket, scheduler } = this.world;
    const { id } = effect;
    switch (effect.kind) {
      case "join":
      case "renew": {
        const expected = effect.kind === "renew" ? effect.revision : 0;
        const put = (): number | undefined => bucket.putMember(id, expected, effect.info, scheduler.nowMs);
        return this.#change(put, (revision) =>
          this.handle(revision === undefined ? { kind: "refused", id } : { kind: "stored", id, revision }),
        );
      }
      case "look-up":
        return this.#askBucket(
          () => bucket.revisionOf(id),
          (revision) => this.handle({ kind: "found", id, revision }),
        );
      case "leave":
        return this.#change(
          () => bucket.deleteMember(id, bucket.revisionOf(id) ?? 0),
          () => this.handle({ kind: "removed", id }),
        );
      case "evict":
        this.tell(() => `evicts ${id}`);
        return this.#change(
          () => bucket.deleteMember(id, effect.revision),
          (isGone) =>
            this.handle(
              isGone ? { kind: "member-gone", id, revision: undefined } : { kind: "evict-refused", id },
            ),
        );
    }
  }

  #askForSegment(effect: SegmentEffect): void {
    const { bucket } = this.world;
    const { segment } = effect;
    if (effect.kind === "read-segment") {
      const read = (): ReturnType<typeof bucket.segment> => bucket.segment(segment);
      const seen = (found: ReturnType<typeof read>): void =>
        this.handle({ kind: "segment-seen", segment, ...found, isWatched: false });
      return this.#askBucket(read, seen);
    }
    const { expected, entries } = effect;
    return this.#change(
      () => bucket.putSegment(segment, expected, entries),
      (revision) =>
        this.handle(
          revision === undefined
            ? { kind: "segment-refused", segment }
            : { kind: "segment-seen", segment, revision, entries, isWatched: false },
        ),
    );
  }

  /** A request that changes the bucket. */
  #change<T>(ask: () => T, answer: (value: T) => void): void {
    const change = (): T => {
      const value = ask();
      this.world.changed();
      return value;
    };
    this.#askBucket(change, answer);
  }

  /** Answers of a bucket that was replaced since mean nothing any more. */
  #askBucket<T>(ask: () => T, answer: (value: T) => void): void {
    const generation = this.#generation;
    this.request(ask, (value) => {
      if (generation === this.#generation) answer(value);
    });
  }

  /** Whoever watches no other is the only member, and says nothing. */
  #broadcast(id: PeerId): void {
    const { world } = this;
    this.machine.send(world.delayMs(), () => {
      if (this.#heard.size > 0) world.traffic.sent("heartbeat");
      for (const other of world.subscribers.values())
        if (other !== this && !world.isLost())
          other.machine.receive(world.delayMs(), () => this.#reach(other, id));
    });
  }

  #reach(other: Proxy, id: PeerId): void {
    if (this.#heard.size === 0 || !other.hears(id)) return;
    this.world.traffic.delivered("heartbeat");
    other.handle({ kind: "heard", id });
  }

  #ping(id: PeerId): void {
    this.ask(id, (peer) => {
      peer.machine.send(this.world.delayMs(), () => {
        this.world.traffic.sent("talk");
        if (this.world.isLost()) return;
        this.world.traffic.delivered("talk");
        this.machine.receive(this.world.delayMs(), () => this.handle({ kind: "heard", id }));
      });
    });
  }

  ask(id: PeerId, atPeer: (peer: Proxy) => void, onMissing: () => void = () => undefined): void {
    const { world, machine } = this;
    machine.send(world.delayMs(), () => {
      if (world.isLost()) return;
      world.traffic.sent("talk");
      world.traffic.delivered("talk");
      const peer = world.subscribers.get(id);
      if (peer?.machine.link.isOpen === true)
        return peer.machine.receive(world.delayMs(), () => atPeer(peer));
      machine.receive(world.delayMs(), () => {
        this.handle({ kind: "no-responder", id });
        onMissing();
      });
    });
  }
}

const WORDS = { take: "takes", pack: "packs", drop: "drops" } as const;
