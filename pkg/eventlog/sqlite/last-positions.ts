// SPDX-License-Identifier: Apache-2.0

import type { EntityKey, Position } from "../event-log.ts";

/** Row numbers of an entity and its type, and its last record's position, which the writer updates. */
export interface KnownEntity {
  readonly key: number;
  readonly type: number;
  last: Position;
}

/** Entities with longer keys are not cached, because the cache bounds the number of entities, not their size. */
const MAX_KEPT_KEY_LENGTH = 1_024;

/** The entities that were used last, so that an append need not query the last position. */
export class LastPositions {
  readonly #capacity: number;
  // A Map keeps the order of insertion. A hit moves its entry to the end; the first entry is evicted.
  readonly #kept = new Map<string, KnownEntity>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#kept.size;
  }

  get(entity: EntityKey): KnownEntity | undefined {
    const name = nameIn(entity);
    const found = this.#kept.get(name);
    if (found === undefined) return undefined;
    this.#kept.delete(name);
    this.#kept.set(name, found);
    return found;
  }

  set(entity: EntityKey, known: KnownEntity): void {
    if (entity.type.length + entity.id.length > MAX_KEPT_KEY_LENGTH) return;
    if (this.#kept.size >= this.#capacity) this.#kept.delete(this.#kept.keys().next().value as string);
    this.#kept.set(nameIn(entity), known);
  }

  clear(): void {
    this.#kept.clear();
  }
}

/** A string that is unique for type and id, because the length shows where the type ends. */
function nameIn({ type, id }: EntityKey): string {
  return `${type.length}:${type}${id}`;
}
