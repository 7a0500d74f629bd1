// SPDX-License-Identifier: Apache-2.0

import type { EntityKey, Position } from "../event-log.ts";

/** An entity as the writer knows it. `last` moves with its appends. */
export interface KnownEntity {
  readonly key: number;
  readonly type: number;
  last: Position;
}

/** Longer keys are looked up each time rather than kept: the bound is on entities, so each must be small. */
const MAX_KEPT_KEY_LENGTH = 1_024;

/** The entities that were written last, so that an append need not look up what it follows. */
export class LastPositions {
  readonly #capacity: number;
  // A Map keeps the order of insertion; a hit is moved to the end, the first is the one to go.
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

/** One string for both, unlike that of any other entity: the length says where the type ends. */
function nameIn({ type, id }: EntityKey): string {
  return `${type.length}:${type}${id}`;
}
