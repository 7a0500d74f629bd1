// SPDX-License-Identifier: Apache-2.0

import type { Position } from "../../eventlog/mod.ts";
import { NO_POSITION } from "../../eventlog/mod.ts";
import type { Commit } from "../../protocol/mod.ts";

/** The side effects of one record: the number of the last of them, and the record's position. */
interface Recorded {
  readonly last: number;
  readonly position: Position;
}

export interface UndoneEffectsDependencies {
  /** How many entities are remembered (I11). */
  readonly maxEntities: number;
  /** Whether this proxy owns the entity. It wakes no others, but may own them later. */
  readonly isHere: (id: string) => boolean;
}

/**
 * The entities with stored side effects that no record marks as done. Computed from the records of one partition and
 * type, which are added in the order of their positions. Pure.
 *
 * If there are too many, those of this proxy are remembered rather than those of others, and the earlier rather than
 * the later. The rest is missed: the checkpoint does not pass it, so whoever reads again from there finds it.
 */
export class UndoneEffects {
  readonly #dependencies: UndoneEffectsDependencies;
  readonly #entities = new Map<string, readonly Recorded[]>();
  #last: Position = NO_POSITION;
  /** Position of the first record with undone effects that is not remembered. */
  #missed: Position | undefined;
  /** Entities of others are remembered, perhaps. */
  #hasOthers = false;

  constructor(dependencies: UndoneEffectsDependencies) {
    this.#dependencies = dependencies;
  }

  get ids(): Iterable<string> {
    return this.#entities.keys();
  }

  /** Whether there are more than are remembered. */
  get hasMissed(): boolean {
    return this.#missed !== undefined;
  }

  /** Whether there is room for many of those that were missed. */
  get hasRoom(): boolean {
    return this.#entities.size < this.#dependencies.maxEntities / 2;
  }

  /** Gives whether the entity has side effects that are known here: new ones, or those of its records before. */
  add(id: string, position: Position, commit: Commit): boolean {
    // Positions only go back if the log was set back, and is read from its beginning.
    if (position <= this.#last) {
      this.#entities.clear();
      this.#missed = undefined;
    }
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
    else if (this.#entities.has(id) || this.#hasRoomFor(id)) this.#entities.set(id, undone);
    else this.#miss(undone);
    return recorded.length > 0;
  }

  /** The position before all records with undone effects; `end`, up to where the reader has read, if there are none. */
  checkpoint(end: Position): Position {
    let from = this.#missed === undefined ? end : this.#missed - 1;
    for (const [first] of this.#entities.values()) {
      if (first !== undefined && first.position <= from) from = first.position - 1;
    }
    return from;
  }

  #hasRoomFor(id: string): boolean {
    const { maxEntities, isHere } = this.#dependencies;
    if (!isHere(id)) {
      this.#hasOthers = true;
      // Half of the room is for this proxy's own.
      return this.hasRoom;
    }
    if (this.#entities.size >= maxEntities && this.#hasOthers) this.#forgetOthers();
    return this.#entities.size < maxEntities;
  }

  #forgetOthers(): void {
    this.#hasOthers = false;
    for (const [id, recorded] of this.#entities) {
      if (this.#dependencies.isHere(id)) continue;
      this.#entities.delete(id);
      this.#miss(recorded);
    }
  }

  #miss([first]: readonly Recorded[]): void {
    if (first === undefined || (this.#missed !== undefined && this.#missed <= first.position)) return;
    this.#missed = first.position;
  }
}
