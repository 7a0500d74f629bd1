// SPDX-License-Identifier: Apache-2.0

import type { Position } from "../../eventlog/mod.ts";
import { NO_POSITION } from "../../eventlog/mod.ts";
import type { Commit } from "../../protocol/mod.ts";

/** The side effects of one record: the number of the last of them, and the record's position. */
interface Recorded {
  readonly last: number;
  readonly position: Position;
}

/**
 * The entities with stored side effects that no record marks as done. Computed from the records of one partition and
 * type, which are added in the order of their positions. Pure.
 */
export class UndoneEffects {
  readonly #entities = new Map<string, readonly Recorded[]>();
  #last: Position = NO_POSITION;

  get ids(): Iterable<string> {
    return this.#entities.keys();
  }

  get size(): number {
    return this.#entities.size;
  }

  /** Gives whether the entity has side effects that are known here: new ones, or those of its records before. */
  add(id: string, position: Position, commit: Commit): boolean {
    // Positions only go back if the log was set back, and is read from its beginning.
    if (position <= this.#last) this.#entities.clear();
    this.#last = position;
    const { sideEffects, firstEffect, effectsDone, proxyState, valueState } = commit;
    // The record of a value replaces the earlier ones, so it repeats their undone effects (`proxyState`).
    const before = valueState === undefined ? (this.#entities.get(id) ?? []) : [];
    const [newestBefore] = proxyState?.effects.slice(-1) ?? [];
    const recorded = [...before];
    if (newestBefore !== undefined) recorded.push({ last: Number(newestBefore.number), position });
    if (sideEffects.length > 0)
      recorded.push({ last: Number(firstEffect) + sideEffects.length - 1, position });
    const undone = recorded.filter(({ last }) => last > effectsDone);
    if (undone.length === 0) this.#entities.delete(id);
    else this.#entities.set(id, undone);
    return recorded.length > 0;
  }

  /** The position before all records with undone effects; `end`, up to where the reader has read, if there are none. */
  checkpoint(end: Position): Position {
    let from = end;
    for (const [first] of this.#entities.values()) {
      if (first !== undefined && first.position <= from) from = first.position - 1;
    }
    return from;
  }
}
