// SPDX-License-Identifier: Apache-2.0

import { hash } from "node:crypto";

import type { Account, Charge } from "../../base/mod.ts";
import type { EntityKey } from "../../eventlog/mod.ts";
import { readTrace } from "../../record/mod.ts";

import { readEffect } from "../client-action.ts";
import { readLineage } from "../lineage.ts";
import type { SideEffect } from "../outcome.ts";
import { EffectLedger } from "./effect-ledger.ts";
import type { CarryOut } from "./effect-queue.ts";

/** An entity in memory, as its side effects see it. */
export interface EffectOwner {
  /** Called when a side effect is done, or was given up for now. */
  effectEnded(): void;
}

/**
 * The side effects of one entity. Hands them from the records to the code that carries them out, and notes in the
 * ledger which have ended. The entity and its side effects share one memory charge, which stays open as long as the
 * ledger is kept after the entity has left memory (`EffectBook`).
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

  /** Starts the undone side effects from this number on that are not under way. The caller carries them out. */
  begin(from: number): SideEffect[] {
    return this.ledger.begin(from).map(({ number, effect, lineage, trace }) =>
      readEffect(effect, {
        idempotencyKey: effectKey(this.key, number),
        lineage: readLineage(lineage),
        trace: readTrace(trace),
        onEnd: (isDone) => this.#end(number, isDone),
      }),
    );
  }

  /** Starts and carries out all side effects that are neither done nor under way. `of` names the entity in logs. */
  carryOutAgain(of: string): void {
    if (this.ledger.undone === 0) return;
    const effects = this.begin(1);
    if (effects.length > 0) this.#carryOut(effects, of);
  }

  /** Charges `entityBytes`, the entity without side effects, and the bytes of its undone side effects. */
  count(entityBytes: number): void {
    this.#entityBytes = entityBytes;
    this.#memory.holdExactly(entityBytes + this.ledger.undoneBytes);
  }

  /** Gives the memory back, because neither the entity nor its side effects are in memory any more. */
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
 * Keeps the ledgers of entities that have left memory while side effects are under way, or are done though no record
 * says so. Keeps at most `maxEntities` ledgers and drops the oldest first (I11). After its ledger was dropped, an
 * entity knows only what its records say, so an effect may be carried out twice, with the same idempotency key.
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

  /** The side effects of an entity that comes into memory: those that were kept, or new ones. */
  open(key: EntityKey, owner: EffectOwner): EntityEffects {
    const name = nameIn(key);
    const effects =
      this.#left.get(name) ?? new EntityEffects(key, this, this.#carryOut, this.#memory.patientCharge());
    this.#left.delete(name);
    effects.owner = owner;
    return effects;
  }

  /** Keeps the side effects of an entity that has left memory, unless its records say all that is known of them. */
  close(effects: EntityEffects): void {
    effects.owner = undefined;
    effects.count(0);
    const name = nameIn(effects.key);
    if (!effects.ledger.isSettled) this.#left.set(name, effects);
    else this.#forget(name, effects);
    const [oldest] = this.#left;
    if (oldest !== undefined && this.#left.size > this.#maxEntities) this.#forget(...oldest);
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
 * The idempotency key of a side effect: the same each time it is carried out, and different from that of any other.
 * No caller can use the same key, because no header can hold its first character.
 */
function effectKey({ type, id }: EntityKey, number: number): string {
  return `\u0001effect-${hash("sha256", JSON.stringify([type, id, number]), "base64url")}`;
}
