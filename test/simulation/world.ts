// SPDX-License-Identifier: Apache-2.0

import type { Random } from "../../pkg/base/mod.ts";
import { randomBelow } from "../../pkg/base/mod.ts";
import { seededRandom } from "../../pkg/base/test-doubles/mod.ts";
import type { PeerId } from "../../pkg/cluster/mod.ts";
import type { ClusterInput, ClusterNode, MemberTimes } from "../../pkg/cluster/node/mod.ts";
import { DEFAULT_MEMBER_TIMES } from "../../pkg/cluster/node/mod.ts";

import { Bucket } from "./bucket.ts";
import { EntityLog } from "./entity-log.ts";
import type { Command, OnAnswer } from "./history.ts";
import { History } from "./history.ts";
import type { Machine } from "./machine.ts";
import type { Mutant } from "./mutants.ts";
import { Scheduler } from "./scheduler.ts";
import { Traffic } from "./traffic.ts";

export const SHARDS = 8;
export const SEGMENTS = 2;
/** Commands take at most 2.5 seconds here, so a shard is kept sooner because of one. */
export const TIMES = { ...DEFAULT_MEMBER_TIMES, keepAfterMs: 1_000 };

export interface WorldOptions {
  readonly seed: number;
  readonly slowPercent: number;
  readonly mutant: Mutant | undefined;
  /** How many others each member watches. */
  readonly watched: number;
  /** Whether to keep what happened, for people. */
  readonly isTraced: boolean;
  /** Whether no fault is planned, so that no command may fail. */
  readonly isCalm: boolean;
}

/** A proxy's process, for the others and for its own parts. */
export interface Proxy {
  readonly world: World;
  readonly machine: Machine;
  readonly node: ClusterNode;
  readonly times: MemberTimes;
  /** A caller's command, or one of another proxy. */
  take(command: Command, hops: number, onAnswer: OnAnswer): void;
  handle(input: ClusterInput): void;
  /** Whether it hears the heartbeats of a member. */
  hears(id: PeerId): boolean;
  /** It gives its shards away, and stays a member; or it takes its part again. */
  standAside(): void;
  comeBack(): void;
  /** It gives its shards away, and ends. */
  leave(): void;
  /** Since when it has neither left nor stood aside, in virtual time. */
  readonly steadySinceMs: number;
  /** Shows the proxy the changes of the bucket that it has not seen, in order. */
  watch(): void;
  tell(what: () => string): void;
  /** Sends a request to NATS, and hands its answer to this process. Both may be lost. */
  request<T>(ask: () => T, answer: (value: T) => void): void;
  /** Sends a request to another member by NATS, which answers at once if it has no such subscriber. */
  ask(id: PeerId, atPeer: (peer: Proxy) => void, onMissing?: () => void): void;
}

/** What all proxies of a run share: time, NATS, the log, the judge of answers, and the trace. */
export class World {
  readonly scheduler = new Scheduler();
  readonly bucket = new Bucket(TIMES.ttlMs);
  readonly log: EntityLog;
  readonly history: History;
  readonly options: WorldOptions;
  /** Chance of what the network does. Others have their own, so that a change of one does not change all. */
  readonly networkRandom: Random;
  readonly workRandom: Random;
  /** Running proxies, by pod. */
  readonly proxies = new Map<string, Proxy>();
  /** Proxies by the id of their member, as far as NATS knows. */
  readonly subscribers = new Map<PeerId, Proxy>();
  readonly trace: string[] = [];
  readonly traffic = new Traffic();
  /** How many of a hundred messages without acknowledgement are lost. */
  lossPercent = 0;
  problem: string | undefined;
  #ids = 0;

  constructor(options: WorldOptions) {
    this.options = options;
    this.log = new EntityLog(options.mutant !== "fence");
    this.history = new History(this.log);
    this.networkRandom = seededRandom(options.seed * 3 + 1);
    this.workRandom = seededRandom(options.seed * 3 + 2);
  }

  newId(pod: string): PeerId {
    return `${pod}.${this.#ids++}`;
  }

  /** How long a message is on its way: most are fast, and some overtake others by far. */
  delayMs(): number {
    const random = this.networkRandom;
    return randomBelow(random, 50) === 0 ? random() * 400 : 0.1 + random() * 2;
  }

  isLost(): boolean {
    return this.lossPercent > 0 && this.networkRandom() * 100 < this.lossPercent;
  }

  /** The bucket has changed, perhaps. */
  changed(): void {
    for (const proxy of this.proxies.values()) proxy.watch();
  }

  tell(who: string, what: () => string): void {
    if (!this.options.isTraced) return;
    const seconds = (this.scheduler.nowMs / 1_000).toFixed(4).padStart(9);
    this.trace.push(`${seconds} s  ${who.padEnd(6)} ${what()}`);
  }

  /** The first thing that must never happen ends the run. */
  fail(problem: string): void {
    this.problem ??= problem;
  }
}
