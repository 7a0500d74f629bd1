// SPDX-License-Identifier: Apache-2.0

import type { Position } from "../eventlog/mod.ts";
import type { Commit } from "../protocol/mod.ts";

/** The effects of one record, by the number of the last one. */
interface Recorded {
  readonly last: number;
  readonly position: Position;
}

/**
 * Which entities have side effects on record that no record says are done: folded from the records of one partition and
 * type, in their order. Pure.
 */
export class UndoneEffects {
  readonly #entities = new Map<string, readonly Recorded[]>();
  #areThere = false;

  get ids(): Iterable<string> {
    return this.#entities.keys();
  }

  get size(): number {
    return this.#entities.size;
  }

  /** Whether any record had side effects. */
  get areThere(): boolean {
    return this.#areThere;
  }

  add(id: string, position: Position, commit: Commit): void {
    const { sideEffects, firstEffect, effectsDone, kept, valueState } = commit;
    // The record of a value stands alone: it repeats what is undone of those that it replaced.
    const before = valueState === undefined ? (this.#entities.get(id) ?? []) : [];
    const [newestKept] = kept?.effects.slice(-1) ?? [];
    const recorded = [...before];
    if (newestKept !== undefined) recorded.push({ last: Number(newestKept.number), position });
    if (sideEffects.length > 0)
      recorded.push({ last: Number(firstEffect) + sideEffects.length - 1, position });
    if (recorded.length === 0) return void this.#entities.delete(id);
    this.#areThere = true;
    const undone = recorded.filter(({ last }) => last > effectsDone);
    if (undone.length === 0) this.#entities.delete(id);
    else this.#entities.set(id, undone);
  }

  /** From where a reader finds all that is undone, who need not look beyond `end` now. */
  checkpoint(end: Position): Position {
    let from = end;
    for (const [first] of this.#entities.values()) {
      if (first !== undefined && first.position <= from) from = first.position - 1;
    }
    return from;
  }
}
