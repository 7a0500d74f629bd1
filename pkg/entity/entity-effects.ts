// SPDX-License-Identifier: Apache-2.0

import { hash } from "node:crypto";

import type { Account, Charge } from "../base/mod.ts";
import type { EntityKey } from "../eventlog/mod.ts";

import { readEffect } from "./client-action.ts";
import { EffectLedger } from "./effect-ledger.ts";
import { readLineage } from "./lineage.ts";
import type { SideEffect } from "./outcome.ts";

/** Carries out effects that are on record, apart from any command. Never rejects. */
export type CarryOut = (effects: readonly SideEffect[], of: string) => Promise<void>;

/** An entity in memory, as its side effects see it. */
export interface EffectOwner {
  /** One is done, or was given up for now. */
  effectEnded(): void;
}

/**
 * The side effects of one entity: from its records to those who carry them out, and back. The memory that they take is
 * counted together with that of the entity, which they may outlive.
 */
export class EntityEffects {
  readonly ledger = new EffectLedger();
  readonly key: EntityKey;
  readonly #book: EffectBook;
  readonly #carryOut: CarryOut;
  readonly #memory: Charge;
  #entityBytes = 0;
  owner: EffectOwner | undefined;

  /** Use `EffectBook.open`. */
  constructor(key: EntityKey, book: EffectBook, carryOut: CarryOut, memory: Charge) {
    this.#memory = memory;
    this.key = key;
    this.#book = book;
    this.#carryOut = carryOut;
  }

  /** Those from this number on that are not under way, for somebody who carries them out. */
  begin(from: number): SideEffect[] {
    return this.ledger.begin(from).map(({ number, effect, lineage }) =>
      readEffect(effect, {
        idempotencyKey: effectKey(this.key, number),
        lineage: readLineage(lineage),
        onEnd: (isDone) => this.#end(number, isDone),
      }),
    );
  }

  /** Has all carried out that are not done and not under way. `of` is the entity, for people. */
  carryOutAgain(of: string): void {
    if (this.ledger.undone === 0) return;
    const effects = this.begin(1);
    if (effects.length > 0) void this.#carryOut(effects, of);
  }

  /** Counts what the entity takes in memory, without its side effects, and what those take by now. */
  count(entityBytes: number): void {
    this.#entityBytes = entityBytes;
    this.#memory.holdExactly(entityBytes + this.ledger.undoneBytes);
  }

  /** Nothing of it is in memory any more. */
  forgotten(): void {
    this.#memory.close();
  }

  #end(number: number, isDone: boolean): void {
    this.ledger.end(number, isDone);
    this.count(this.#entityBytes);
    if (this.owner === undefined) this.#book.close(this);
    else this.owner.effectEnded();
  }
}

/**
 * Keeps what is known of the side effects of entities that have left memory: those under way, and those that are done
 * though no record says so. Of at most so many entities (I11); of the others the records tell, so that effects may be
 * carried out twice, with the same idempotency key.
 */
export class EffectBook {
  readonly #carryOut: CarryOut;
  readonly #memory: Account;
  readonly #maxEntities: number;
  readonly #left = new Map<string, EntityEffects>();

  /** @param memory for entities and their effects, in bytes. */
  constructor(carryOut: CarryOut, maxEntities: number, memory: Account) {
    this.#memory = memory;
    this.#carryOut = carryOut;
    this.#maxEntities = maxEntities;
  }

  /** For an entity that comes into memory. */
  open(key: EntityKey, owner: EffectOwner): EntityEffects {
    const name = nameIn(key);
    const effects = this.#left.get(name) ?? this.#new(key);
    this.#left.delete(name);
    effects.owner = owner;
    return effects;
  }

  /** For one that has left. */
  close(effects: EntityEffects): void {
    effects.owner = undefined;
    effects.count(0);
    const name = nameIn(effects.key);
    if (!effects.ledger.isSettled) this.#left.set(name, effects);
    else this.#forget(name, effects);
    const [oldest] = this.#left;
    if (oldest !== undefined && this.#left.size > this.#maxEntities) this.#forget(...oldest);
  }

  #new(key: EntityKey): EntityEffects {
    return new EntityEffects(key, this, this.#carryOut, this.#memory.patientCharge());
  }

  #forget(name: string, effects: EntityEffects): void {
    this.#left.delete(name);
    effects.forgotten();
  }
}

function nameIn({ type, id }: EntityKey): string {
  return JSON.stringify([type, id]);
}

/**
 * The idempotency key of a side effect: the same whenever it is carried out, and no other's. No caller can take it away,
 * since no header can hold its first character.
 */
function effectKey({ type, id }: EntityKey, number: number): string {
  return `\u0001effect-${hash("sha256", JSON.stringify([type, id, number]), "base64url")}`;
}
