// SPDX-License-Identifier: Apache-2.0

import { assert, getOrMake, SHARDS } from "../../base/mod.ts";

import type { FirstShards } from "./context.ts";
import type { StatefulEntity } from "./stateful-entity.ts";

/**
 * The entities in memory, by shard, then by type (persistence id) and entity id; and which shards the proxy has taken.
 * A shard that was given up has entities only as long as they finish their commands.
 */
export class EntityTable {
  readonly #shards = new Map<number, Shard>();
  /** By shard: 1 if it is taken. */
  readonly #taken: Uint8Array;
  #size = 0;

  constructor(first: FirstShards) {
    this.#taken = new Uint8Array(SHARDS).fill(first === "all" ? 1 : 0);
  }

  get size(): number {
    return this.#size;
  }

  find(shard: number, type: string, id: string): StatefulEntity | undefined {
    return this.#shards.get(shard)?.entities.get(type)?.get(id);
  }

  add(entity: StatefulEntity): void {
    const { entities } = getOrMake(this.#shards, entity.shard, newShard);
    const type = entity.service.persistenceId;
    getOrMake(entities, type, () => new Map<string, StatefulEntity>()).set(entity.id, entity);
    this.#size++;
  }

  delete({ shard: number, service, id }: Pick<StatefulEntity, "shard" | "service" | "id">): void {
    const shard = this.#shards.get(number);
    const ofType = shard?.entities.get(service.persistenceId);
    if (shard === undefined || ofType?.delete(id) !== true) return;
    this.#size--;
    if (ofType.size > 0) return;
    shard.entities.delete(service.persistenceId);
    if (shard.entities.size > 0) return;
    this.#shards.delete(number);
    for (const resolve of shard.onEmpty) resolve();
  }

  /** All entities, or those of one shard. */
  *all(shard?: number): Generator<StatefulEntity, void, undefined> {
    const shards = shard === undefined ? this.#shards.values() : [this.#shards.get(shard)];
    for (const each of shards) for (const ofType of each?.entities.values() ?? []) yield* ofType.values();
  }

  isTaken(shard: number): boolean {
    return this.#taken[shard] === 1;
  }

  take(shard: number): void {
    this.#mark(shard, 1);
  }

  giveUp(shard: number): void {
    this.#mark(shard, 0);
  }

  /** Resolves when the shard has no entity in memory. */
  async untilEmpty(shard: number): Promise<void> {
    const waiting = this.#shards.get(shard);
    if (waiting === undefined) return;
    await new Promise<void>((resolve) => waiting.onEmpty.push(resolve));
  }

  #mark(shard: number, taken: 0 | 1): void {
    assert(shard < SHARDS, "there is such a shard");
    this.#taken[shard] = taken;
  }
}

/** A shard with entities in memory. */
interface Shard {
  readonly entities: Map<string, Map<string, StatefulEntity>>;
  /** Called when it has no entity in memory any more. */
  readonly onEmpty: (() => void)[];
}

function newShard(): Shard {
  return { entities: new Map(), onEmpty: [] };
}
