// SPDX-License-Identifier: Apache-2.0

import { getOrMake } from "../../base/mod.ts";

import type { StatefulEntity } from "./stateful-entity.ts";

/**
 * The entities in memory, by shard, then by type (persistence id) and entity id. A shard is in the table only while
 * it has entities or is released.
 */
export class EntityTable {
  readonly #shards = new Map<number, Shard>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  find(shard: number, type: string, id: string): StatefulEntity | undefined {
    return this.#shards.get(shard)?.entities.get(type)?.get(id);
  }

  add(entity: StatefulEntity): void {
    const { entities } = this.#shard(entity.shard);
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
    if (!shard.isReleased) this.#shards.delete(number);
    for (const resolve of shard.onEmpty.splice(0)) resolve();
  }

  /** All entities, or those of one shard. */
  *all(shard?: number): Generator<StatefulEntity, void, undefined> {
    const shards = shard === undefined ? this.#shards.values() : [this.#shards.get(shard)];
    for (const each of shards) for (const ofType of each?.entities.values() ?? []) yield* ofType.values();
  }

  isReleased(shard: number): boolean {
    return this.#shards.get(shard)?.isReleased === true;
  }

  release(shard: number): void {
    this.#shard(shard).isReleased = true;
  }

  take(shard: number): void {
    const taken = this.#shards.get(shard);
    if (taken === undefined) return;
    taken.isReleased = false;
    if (taken.entities.size === 0) this.#shards.delete(shard);
  }

  /** Resolves when the shard has no entity in memory. */
  async untilEmpty(shard: number): Promise<void> {
    const waiting = this.#shards.get(shard);
    if (waiting === undefined || waiting.entities.size === 0) return;
    await new Promise<void>((resolve) => waiting.onEmpty.push(resolve));
  }

  #shard(number: number): Shard {
    return getOrMake(this.#shards, number, () => ({ entities: new Map(), isReleased: false, onEmpty: [] }));
  }
}

interface Shard {
  readonly entities: Map<string, Map<string, StatefulEntity>>;
  /** Another proxy owns it. */
  isReleased: boolean;
  readonly onEmpty: (() => void)[];
}
