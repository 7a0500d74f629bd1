// SPDX-License-Identifier: Apache-2.0

import { assert, backoffMs, SHARDS, sleep } from "../../base/mod.ts";
import type { CallContext } from "../../call/mod.ts";
import { ForwardCaller, MeteredSender } from "../../cluster/forward/mod.ts";
import type { Admission, Owner, PeerId, Placement, ReplyGate, ShardHost } from "../../cluster/mod.ts";
import { ClusterRuntime, forwardPrefix, memberTimes } from "../../cluster/nats/mod.ts";
import type { NatsOfLog } from "../../eventlog/mod.ts";
import { natsOfLog } from "../../eventlog/mod.ts";
import type { NatsLink } from "../../nats/mod.ts";
import { connectNats } from "../../nats/mod.ts";
import type { Peers, Router, Settlement, WireCommand } from "../../router/mod.ts";
import { wirePeers } from "../../router/wire/mod.ts";

import type { PartState } from "../admin/report.ts";
import type { TextAndJson } from "../admin/text-or-json.ts";
import { logOptions } from "../log-options.ts";
import type { Shared } from "../parts/shared.ts";
import { observeCluster } from "./observe-cluster.ts";
import { PeerDesk } from "./peer-desk.ts";
import { shardsText } from "./shards-text.ts";

export interface SharedEntitiesDependencies
  extends Pick<Shared, "options" | "clock" | "random" | "telemetry" | "memory"> {
  /** The entities of this proxy. Has no shard taken yet. */
  readonly host: ShardHost;
  readonly self: { readonly pod: string; readonly revision: string; readonly share: number };
  /** Called when the number of shards that this proxy owns changes. */
  readonly onShards: ((own: number) => void) | undefined;
}

type State =
  /** Nobody has asked it to join. */
  | { readonly kind: "waiting" }
  | { readonly kind: "joining"; readonly problem: string }
  | {
      readonly kind: "joined";
      readonly cluster: ClusterRuntime;
      readonly caller: ForwardCaller;
      readonly peers: Peers;
    }
  | { readonly kind: "stopped" };

/** What a command waits for when the proxy has stopped: it ends with its caller, or with the process. */
const NEVER = new Promise<void>(() => undefined);

/** Pauses between attempts to reach NATS. */
const BACKOFF = { minMs: 100, maxMs: 2_000, jitter: 0.2 };

/**
 * The entities of a service that several proxies share (ADR 29), as its router sees them: who owns a shard, how the
 * owner is asked, and whether an answer of one's own may leave.
 *
 *     waiting ──▶ joining ──▶ joined ──▶ stopped
 *
 * 1. Until it has joined, every shard is moving: commands wait for their owner, and none is carried out here.
 * 2. It has a connection of its own, so that a log that is busy delays no heartbeat.
 * 3. It is ready once it serves all shards that it should. After that it stays ready while it is a member, because
 *    shards that come later, of a proxy that died, take a second in which all others would be unready together. If NATS
 *    does not permit it something, it is not ready, and says what that is.
 * 4. If it is no member any more, its open calls to others go on, and it answers nothing itself until it has joined
 *    again (I8).
 * 5. When it stops it first hands over its shards. Commands that others have sent here meanwhile go on to the new
 *    owners, and their answers come back through this proxy, so it ends after them.
 * 6. It stands aside while it has no user function, or that restarts, and while its pod is about to end (`drain`):
 *    others have its shards, and it sends them what its callers ask for.
 * 7. If it is stopped while it joins, nothing is left of that: neither a connection nor its key.
 */
export class SharedEntities implements Placement, Peers, ReplyGate {
  readonly #dependencies: SharedEntitiesDependencies;
  readonly #joined = Promise.withResolvers<void>();
  readonly #over = new AbortController();
  readonly #desk: PeerDesk;
  #state: State = { kind: "waiting" };
  #link: NatsLink | undefined;
  /** The incarnation that has served all its shards (3). */
  #settled: PeerId | undefined;
  /** (6) */
  #isAside = false;
  #isDrained = false;
  #hasFunction = false;
  /** What `onShards` was called with. */
  #toldShards = 0;

  /** @throws SettingError if settings do not go together. */
  constructor(dependencies: SharedEntitiesDependencies) {
    this.#dependencies = dependencies;
    this.#desk = new PeerDesk(dependencies);
    memberTimes(dependencies.options);
    observeCluster(dependencies.telemetry.meter, dependencies.clock, {
      cluster: () => (this.#state.kind === "joined" ? this.#state.cluster : undefined),
      open: () => ({ in: this.#desk.open, out: this.#state.kind === "joined" ? this.#state.caller.open : 0 }),
    });
  }

  /** Sets who carries out the commands of other proxies. */
  serveBy(router: Pick<Router, "fromPeer">): void {
    this.#desk.serveBy(router);
  }

  /** The user function is served: joins the others, and tries until it has, or takes its part of the shards again. */
  functionServed(): void {
    this.#hasFunction = true;
    if (this.#state.kind === "waiting") void this.#join();
    else void this.#takeBack();
  }

  /** It is not served any more. Others, which have one, get the shards. */
  functionEnded(): void {
    this.#hasFunction = false;
    void this.#giveAway();
  }

  ownerOf(shard: number): Owner {
    const state = this.#state;
    if (state.kind === "joined") return state.cluster.ownerOf(shard);
    return { kind: "moving", until: state.kind === "stopped" ? NEVER : this.#joined.promise };
  }

  begin(shard: number): Admission | undefined {
    return this.#state.kind === "joined" ? this.#state.cluster.begin(shard) : undefined;
  }

  call(peer: PeerId, command: WireCommand, call: CallContext): Promise<Settlement> {
    const state = this.#state;
    assert(state.kind === "joined", "only who has joined knows peers");
    return state.peers.call(peer, command, call);
  }

  /** Why the proxy is not ready. Undefined if it is. */
  get problem(): string | undefined {
    const state = this.#state;
    switch (state.kind) {
      case "waiting":
        return "not joined yet: waits for the user function";
      case "joining":
        return `not joined yet: ${state.problem}`;
      case "stopped":
        return "has stopped";
      case "joined": {
        const { id, isSettled, progress, node } = state.cluster;
        const lacks = this.#link?.lacks;
        if (lacks !== undefined) return `NATS: ${lacks.message}`;
        if (this.#isDrained) return handsOver(node);
        if (id === undefined) return `serves no shards: ${outside(node.membership)}`;
        if (isSettled) this.#settled = id;
        if (this.#settled === id) return undefined;
        return `serves ${progress.served} of the ${progress.due} shards that should be its own`;
      }
    }
  }

  /** How many shards it serves, and how many members there are. */
  get note(): string {
    if (this.#state.kind !== "joined") return this.#state.kind;
    const { node } = this.#state.cluster;
    const served = [...node.tenures.values()].filter(({ kind }) => kind === "serving").length;
    const others = [...node.peers.values()].filter(({ kind }) => kind !== "gone").length;
    return `serves ${served} of ${SHARDS} shards, beside ${others} other ${others === 1 ? "member" : "members"}`;
  }

  /** Who owns what, for `/shards` of the admin port. */
  readonly shards: TextAndJson = {
    text: () =>
      this.#state.kind === "joined"
        ? shardsText(this.#state.cluster.view())
        : `This proxy owns no shards: ${this.problem}.`,
    json: () => {
      const { problem } = this;
      if (this.#state.kind !== "joined")
        return { state: this.#state.kind, all: SHARDS, problem, members: [], shards: [] };
      const view = this.#state.cluster.view();
      return { state: view.self === undefined ? "no member" : "member", all: SHARDS, problem, ...view };
    },
  };

  inspect(): PartState {
    const state = this.#state;
    const problem = this.problem;
    if (state.kind !== "joined") return { state: state.kind, ...(problem !== undefined && { problem }) };
    const { cluster, caller } = state;
    const { tenures, peers } = cluster.node;
    const moving = [...tenures.values()].filter(({ kind }) => kind !== "serving").length;
    return {
      state: cluster.id === undefined ? "no member" : "member",
      ...(problem !== undefined && { problem }),
      ...(cluster.id !== undefined && { member: cluster.id }),
      shards: { all: SHARDS, own: tenures.size, moving },
      forwarded: { from: this.#desk.open, to: caller.open },
      others: [...peers].map(([member, { kind, info }]) => ({
        member,
        state: kind,
        revision: info.revision,
        share: info.share,
      })),
    };
  }

  /** Hands its shards to others, within `handoffTimeoutMs`. False: it still has some. Never rejects. */
  standAside(): Promise<boolean> {
    this.#isAside = true;
    return this.#giveAway();
  }

  /** Takes its part of the shards again, unless it is to end. Resolves when it serves them, or its time is over. */
  async comeBack(): Promise<void> {
    this.#isAside = false;
    await this.#takeBack();
  }

  /** Prepares for the end: as `standAside`, but it is not ready until `resume`. */
  async drain(): Promise<void> {
    this.#isDrained = true;
    await this.#giveAway();
  }

  /** Nobody has ended it. */
  resume(): void {
    this.#isDrained = false;
    void this.#takeBack();
  }

  get #isAway(): boolean {
    return this.#isAside || this.#isDrained || !this.#hasFunction;
  }

  async #giveAway(): Promise<boolean> {
    return this.#state.kind === "joined" && (await this.#state.cluster.standAside());
  }

  async #takeBack(): Promise<void> {
    if (this.#isAway || this.#state.kind !== "joined") return;
    await this.#state.cluster.comeBack();
  }

  /**
   * Hands its shards to others, within `handoffTimeoutMs`. Resolves when it owes nobody an answer (5). What it still
   * does itself, such as side effects, it asks others for. Never rejects. The caller bounds the wait.
   */
  async handOver(): Promise<void> {
    const state = this.#state;
    this.#over.abort();
    if (state.kind !== "joined") return;
    if (!(await state.cluster.leave()))
      this.#dependencies.telemetry.logger.warn("cluster: not all shards were handed over in time");
    await this.#desk.close();
  }

  /** Ends, without waiting for anything. Never rejects. */
  async stop(): Promise<void> {
    const state = this.#state;
    this.#over.abort();
    this.#state = { kind: "stopped" };
    this.#desk.stop();
    if (state.kind === "joined") {
      state.cluster.close();
      state.caller.close();
    }
    await this.#link?.close().catch(() => undefined);
  }

  async #join(): Promise<void> {
    const { clock, random, telemetry } = this.#dependencies;
    const { signal } = this.#over;
    this.#state = { kind: "joining", problem: "connecting to NATS" };
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        return await this.#tryToJoin();
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error);
        telemetry.logger.warn("cluster: not joined yet", { error: problem });
        if (this.#state.kind !== "joining") return;
        this.#state = { kind: "joining", problem };
        await sleep(clock, backoffMs(attempt, BACKOFF, random), signal);
      }
    }
  }

  async #tryToJoin(): Promise<void> {
    const { options, clock, telemetry, memory, self } = this.#dependencies;
    const nats = natsOfLog(options.log, { clock, telemetry, ...logOptions(options) });
    assert(nats !== undefined, "only proxies with a log on NATS share entities");
    const link = await this.#connected(nats);
    const name = `${nats.prefix}_cluster`;
    const join = await ClusterRuntime.prepare({
      ...this.#dependencies,
      link,
      self,
      name,
      replicas: nats.options.replicas,
      requestTimeoutMs: nats.options.requestTimeoutMs,
      onMember: (id) => this.#desk.serveAs(id, link, forwardPrefix(name)),
      onChange: () => {
        this.#endCallsToGone();
        this.#tellShards();
      },
    });
    if (this.#over.signal.aborted) return; // (7)
    const cluster = join(this.#isAway);
    const caller = new ForwardCaller({
      link,
      prefix: forwardPrefix(name),
      clock,
      telemetry,
      memory: memory.peers,
      options: this.#desk.options,
      onNoResponder: (peer) => cluster.noResponder(peer),
    });
    const sender = new MeteredSender(caller, telemetry.meter, clock);
    this.#state = { kind: "joined", cluster, caller, peers: wirePeers(sender) };
    this.#joined.resolve();
    this.#tellShards();
    if (this.#isAway) void cluster.standAside();
  }

  async #connected({ server, prefix, options }: NatsOfLog): Promise<NatsLink> {
    if (this.#link !== undefined) return this.#link;
    const target = { server, name: `perdure ${prefix} cluster`, purpose: "cluster" };
    const link = await connectNats(target, options);
    // Who stopped it meanwhile could not end this connection (7).
    if (this.#over.signal.aborted) await link.close();
    return (this.#link = link);
  }

  #tellShards(): void {
    const own = this.#state.kind === "joined" ? this.#state.cluster.node.tenures.size : 0;
    if (own === this.#toldShards) return;
    this.#toldShards = own;
    this.#dependencies.onShards?.(own);
  }

  /** A member that has left in order still gives the answers that it owes. */
  #endCallsToGone(): void {
    if (this.#state.kind !== "joined") return;
    const { cluster, caller } = this.#state;
    for (const peer of caller.peers) {
      const known = cluster.node.peers.get(peer);
      if (known?.kind === "gone" && !known.info.isLeaving) caller.gone(peer);
    }
  }
}

/** What a proxy that is about to end still has to do. */
function handsOver({ tenures, hasHeir }: ClusterRuntime["node"]): string {
  if (tenures.size === 0) return "has handed its shards over";
  if (!hasHeir) return `has ${tenures.size} shards, which nobody else is there to take`;
  return `hands its shards over, and has ${tenures.size} of them still`;
}

/** Why a proxy that has found the others is not one of them now. */
function outside({ kind }: ClusterRuntime["node"]["membership"]): string {
  return kind === "leaving" || kind === "left"
    ? "it has left the others"
    : "it has asked NATS to join the others, and waits for the answer";
}
