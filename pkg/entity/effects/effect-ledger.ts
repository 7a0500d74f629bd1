// SPDX-License-Identifier: Apache-2.0

import type { LineageMessage, ProxyState, SideEffectMessage, TraceMessage } from "../../protocol/mod.ts";
import type { EffectFields } from "../../record/mod.ts";

/** A side effect of an entity, and its number over the entity's whole life: the first ever has 1. */
export interface NumberedEffect {
  readonly number: number;
  readonly effect: SideEffectMessage;
  /** Undefined in records of older proxies. */
  readonly lineage: LineageMessage | undefined;
  /** The span that stored it; undefined if its trace is not kept. */
  readonly trace: TraceMessage | undefined;
}

/** What an effect takes in memory beside its payload and its metadata, in bytes. */
const EFFECT_BYTES = 512;

/** What an entry of its metadata takes in memory beside its texts, in bytes. */
const ENTRY_BYTES = 128;

/**
 * Which side effects of one entity are still to be carried out. Pure: its state follows from the entity's records,
 * and from the calls of `begin` and `end`.
 *
 * 1. An effect is done for good only when a record says so (`effectsDone`). Then no proxy ever carries it out again.
 * 2. The ledger still knows which effects are done, though no record says so, after the records are read again.
 * 3. An effect is under way at most once at a time: `begin` skips it until `end`.
 */
export class EffectLedger {
  #last = 0;
  /** The highest number that a record gives in `effectsDone`: all effects up to it are done. */
  #marked = 0;
  /** Not known to be done; by number, in order. */
  readonly #undone = new Map<number, NumberedEffect>();
  /** Done, though no record says so: numbers above `#marked`. */
  readonly #done = new Set<number>();
  readonly #underWay = new Set<number>();
  #undoneBytes = 0;

  get undone(): number {
    return this.#undone.size;
  }

  get undoneBytes(): number {
    return this.#undoneBytes;
  }

  /** Whether the next record would say nothing new in `effectsDone`. */
  get isMarked(): boolean {
    return this.#doneUpTo() === this.#marked;
  }

  /** Whether the records say all that the ledger knows: no effect is under way, or done without such a record. */
  get isSettled(): boolean {
    return this.#underWay.size === 0 && this.#done.size === 0;
  }

  /** Forgets what the records said, because they are about to be read again. Keeps what is done or under way. */
  reset(): void {
    this.#last = 0;
    this.#marked = 0;
    this.#undone.clear();
    this.#undoneBytes = 0;
  }

  /** Takes over what a snapshot or the record of a value holds of the records before it. */
  recall({ effects, lastEffect, effectsDone }: ProxyState): void {
    for (const { number, effect, lineage, trace } of effects)
      if (effect !== undefined) this.#add({ number: Number(number), effect, lineage, trace });
    this.#last = Number(lastEffect);
    this.#mark(Number(effectsDone));
  }

  /** Takes over the next record. */
  fold({ sideEffects, firstEffect, effectsDone, lineage, trace }: EffectFields): void {
    for (const [index, effect] of sideEffects.entries())
      this.#add({ number: Number(firstEffect) + index, effect, lineage, trace });
    if (sideEffects.length > 0) this.#last = Number(firstEffect) + sideEffects.length - 1;
    this.#mark(Number(effectsDone));
  }

  /**
   * The fields of the next record, if it has these new effects.
   *
   * @param lineage of the effects, or of a forward
   * @param trace the span that stores the record
   */
  fieldsFor(effects: SideEffectMessage[], lineage?: LineageMessage, trace?: TraceMessage): EffectFields {
    const upTo = this.#doneUpTo();
    return {
      sideEffects: effects,
      firstEffect: effects.length === 0 ? 0n : BigInt(this.#last + 1),
      effectsDone: upTo === this.#marked ? 0n : BigInt(upTo),
      trace,
      ...(lineage !== undefined && { lineage }),
    };
  }

  /**
   * What a snapshot or the record of a value must hold of the records so far. `effectsDone` is what these records
   * say, and no more. Undefined: the entity never had a side effect.
   */
  proxyState(): ProxyState | undefined {
    if (this.#last === 0) return undefined;
    const effects = Array.from(this.#undone.values(), ({ number, effect, lineage, trace }) => ({
      $typeName: "perdure.log.v1.PendingEffect" as const,
      number: BigInt(number),
      effect,
      lineage,
      trace,
    }));
    return {
      $typeName: "perdure.log.v1.ProxyState",
      replies: [],
      effects,
      lastEffect: BigInt(this.#last),
      effectsDone: BigInt(this.#marked),
    };
  }

  /** Gives the undone effects from this number on that are not under way, and counts them as under way from now on. */
  begin(from: number): NumberedEffect[] {
    const begun: NumberedEffect[] = [];
    for (const [number, effect] of this.#undone) {
      if (number < from || this.#underWay.has(number)) continue;
      this.#underWay.add(number);
      begun.push(effect);
    }
    return begun;
  }

  /** An effect is no longer under way: it is done, or was given up for now. */
  end(number: number, isDone: boolean): void {
    this.#underWay.delete(number);
    if (!isDone) return;
    this.#forget(number);
    if (number > this.#marked) this.#done.add(number);
  }

  #add(effect: NumberedEffect): void {
    if (this.#done.has(effect.number)) return;
    this.#forget(effect.number);
    this.#undone.set(effect.number, effect);
    this.#undoneBytes += bytesOf([effect.effect]);
  }

  #forget(number: number): void {
    const effect = this.#undone.get(number);
    if (effect === undefined) return;
    this.#undone.delete(number);
    this.#undoneBytes -= bytesOf([effect.effect]);
  }

  #mark(upTo: number): void {
    if (upTo <= this.#marked) return;
    this.#marked = upTo;
    for (const number of this.#undone.keys()) if (number <= upTo) this.#forget(number);
    for (const number of this.#done) if (number <= upTo) this.#done.delete(number);
  }

  /** The number up to which all effects are known to be done. */
  #doneUpTo(): number {
    for (const number of this.#undone.keys()) return number - 1;
    return this.#last;
  }
}

/** What side effects take in memory as long as they are not done, in bytes. */
export function bytesOf(effects: readonly SideEffectMessage[]): number {
  let bytes = 0;
  for (const { serviceName, commandName, payload, metadata } of effects) {
    bytes += EFFECT_BYTES + serviceName.length + commandName.length;
    bytes += (payload?.typeUrl.length ?? 0) + (payload?.value.length ?? 0);
    for (const { key, value } of metadata?.entries ?? [])
      bytes += ENTRY_BYTES + key.length + (value.value?.length ?? 0);
  }
  return bytes;
}
