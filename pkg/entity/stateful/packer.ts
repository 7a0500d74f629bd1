// SPDX-License-Identifier: Apache-2.0

import type { Clock, Logger } from "../../base/mod.ts";
import { describeError, getOrMake, sleep } from "../../base/mod.ts";
import type { EntityKey, EventLog } from "../../eventlog/mod.ts";
import type { Telemetry } from "../../telemetry/mod.ts";

import type { EntityOptions } from "../settings.ts";

type PackerOptions = Pick<EntityOptions, "maxPacks" | "maxPendingPacks" | "packTimeoutMs">;

/** The histories of one shard that wait or are being packed, of which there is one at least. */
interface ShardPacks {
  readonly waiting: EntityKey[];
  working: number;
  readonly done: PromiseWithResolvers<void>;
}

/**
 * Tells the log to pack the histories of entities that have left memory. It works in the background and no command
 * waits for it, because a pack only saves time later.
 *
 * 1. At most `maxPacks` are under way and `maxPendingPacks` wait (I11). Further ones are not packed.
 * 2. Those of a shard that somebody waits for, because it moves to another proxy, are packed before all others.
 * 3. `stop` packs the waiting ones for at most `packTimeoutMs`; the rest is not packed.
 */
export class Packer {
  readonly #log: EventLog;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #options: PackerOptions;
  readonly #shards = new Map<number, ShardPacks>();
  /** Shards with waiting histories, in the order in which they are looked at; those that move are before all others. */
  readonly #queue = new Set<number>();
  readonly #moving = new Set<number>();
  #waiting = 0;
  #working = 0;

  constructor(log: EventLog, clock: Clock, telemetry: Telemetry, options: PackerOptions) {
    this.#log = log;
    this.#clock = clock;
    this.#logger = telemetry.logger;
    this.#options = options;
  }

  /** Histories that wait, and that are being packed. */
  get open(): { readonly waiting: number; readonly working: number } {
    return { waiting: this.#waiting, working: this.#working };
  }

  /** Packs the history of an entity of this shard soon, or never. */
  add(entity: EntityKey, shard: number): void {
    if (this.#waiting >= this.#options.maxPendingPacks) return;
    const packs = getOrMake(this.#shards, shard, newPacks);
    packs.waiting.push(entity);
    this.#queue.add(shard);
    this.#waiting++;
    if (this.#working < this.#options.maxPacks) void this.#work();
  }

  /** Resolves when all that waited of the shard is packed or could not be (2). The caller bounds the wait. */
  async shardSettled(shard: number): Promise<void> {
    const packs = this.#shards.get(shard);
    if (packs === undefined) return;
    this.#moving.add(shard);
    await packs.done.promise;
  }

  /** Resolves when all that waited is packed or could not be. The caller bounds the wait. */
  async settled(): Promise<void> {
    await Promise.all([...this.#shards.values()].map(({ done }) => done.promise));
  }

  /** Packs that are under way when the time is over continue without being awaited. */
  async stop(): Promise<void> {
    await Promise.race([this.settled(), sleep(this.#clock, this.#options.packTimeoutMs)]);
    for (const shard of this.#queue) {
      this.#waiting -= this.#shards.get(shard)?.waiting.splice(0).length ?? 0;
      this.#settle(shard);
    }
    this.#queue.clear();
  }

  async #work(): Promise<void> {
    this.#working++;
    for (let next = this.#take(); next !== undefined; next = this.#take()) {
      const { entity, shard, packs } = next;
      packs.working++;
      try {
        await this.#log.pack(entity);
      } catch (thrown) {
        this.#logger.debug("history was not packed", { entity, error: describeError(thrown) });
      }
      packs.working--;
      this.#settle(shard);
    }
    this.#working--;
  }

  #take(): { readonly entity: EntityKey; readonly shard: number; readonly packs: ShardPacks } | undefined {
    for (const shards of [this.#moving, this.#queue])
      for (const shard of shards) {
        const packs = this.#shards.get(shard);
        const entity = packs?.waiting.shift();
        if (packs === undefined || entity === undefined) {
          shards.delete(shard);
          continue;
        }
        this.#waiting--;
        return { entity, shard, packs };
      }
    return undefined;
  }

  /** Tells those who wait for the shard, if nothing of it is left. */
  #settle(shard: number): void {
    const packs = this.#shards.get(shard);
    if (packs === undefined || packs.waiting.length > 0 || packs.working > 0) return;
    this.#shards.delete(shard);
    this.#moving.delete(shard);
    this.#queue.delete(shard);
    packs.done.resolve();
  }
}

function newPacks(): ShardPacks {
  return { waiting: [], working: 0, done: Promise.withResolvers<void>() };
}
