// SPDX-License-Identifier: Apache-2.0

import type { Commit, Kept, LineageMessage, SideEffectMessage } from "../protocol/mod.ts";

/** A side effect of an entity, and its number over the entity's whole life: the first ever has 1. */
export interface NumberedEffect {
  readonly number: number;
  readonly effect: SideEffectMessage;
  /** Undefined in records of older proxies. */
  readonly lineage: LineageMessage | undefined;
}

/** What an effect takes in memory beside its payload and its metadata, in bytes. */
const EFFECT_BYTES = 512;

/** What an entry of its metadata takes beside its texts. */
const ENTRY_BYTES = 128;

/** What a record says of side effects. */
export type EffectEntry = Pick<Commit, "sideEffects" | "firstEffect" | "effectsDone" | "lineage">;

export const NO_EFFECT_NEWS: EffectEntry = { sideEffects: [], firstEffect: 0n, effectsDone: 0n };

/**
 * Which side effects of one entity are still to be carried out. Pure: its state is folded from the entity's records, and
 * from what becomes of the effects.
 *
 * 1. An effect is done for good only when a record says so (`effectsDone`): then no proxy ever carries it out again.
 * 2. What is known to be done, though no record says it yet, outlives a new reading of the records.
 * 3. An effect is under way once at a time, whoever asks.
 */
export class EffectLedger {
  #last = 0;
  /** All up to this one are done, and a record says so. */
  #marked = 0;
  /** Not known to be done; by number, in order. */
  readonly #undone = new Map<number, NumberedEffect>();
  /** Done, above `marked`. */
  readonly #done = new Set<number>();
  readonly #underWay = new Set<number>();
  #undoneBytes = 0;

  get undone(): number {
    return this.#undone.size;
  }

  /** What those take in memory. */
  get undoneBytes(): number {
    return this.#undoneBytes;
  }

  /** Whether there is nothing to tell the log. */
  get isMarked(): boolean {
    return this.#doneUpTo() === this.#marked;
  }

  /** Whether nothing would be lost if all of this were read from the records again. */
  get isSettled(): boolean {
    return this.#underWay.size === 0 && this.#done.size === 0;
  }

  /** Forgets what the records told: they are read again. */
  reset(): void {
    this.#last = 0;
    this.#marked = 0;
    this.#undone.clear();
    this.#undoneBytes = 0;
  }

  /** What the records told before the ones that are read. */
  recall({ effects, lastEffect, effectsDone }: Kept): void {
    for (const { number, effect, lineage } of effects)
      if (effect !== undefined) this.#add({ number: Number(number), effect, lineage });
    this.#last = Number(lastEffect);
    this.#mark(Number(effectsDone));
  }

  /** The next record. */
  fold({ sideEffects, firstEffect, effectsDone, lineage }: EffectEntry): void {
    for (const [index, effect] of sideEffects.entries())
      this.#add({ number: Number(firstEffect) + index, effect, lineage });
    if (sideEffects.length > 0) this.#last = Number(firstEffect) + sideEffects.length - 1;
    this.#mark(Number(effectsDone));
  }

  /** What the next record has to say, if these come with it. @param lineage of them, or of a forward. */
  entry(effects: SideEffectMessage[], lineage?: LineageMessage): EffectEntry {
    const upTo = this.#doneUpTo();
    return {
      sideEffects: effects,
      firstEffect: effects.length === 0 ? 0n : BigInt(this.#last + 1),
      effectsDone: upTo === this.#marked ? 0n : BigInt(upTo),
      ...(lineage !== undefined && { lineage }),
    };
  }

  /** What has to stand where the records up to now are not read any more; what they did not say is not said here. */
  kept(): Kept | undefined {
    if (this.#last === 0) return undefined;
    const effects = Array.from(this.#undone.values(), ({ number, effect, lineage }) => ({
      $typeName: "perdure.log.v1.PendingEffect" as const,
      number: BigInt(number),
      effect,
      lineage,
    }));
    return {
      $typeName: "perdure.log.v1.Kept",
      replies: [],
      effects,
      lastEffect: BigInt(this.#last),
      effectsDone: BigInt(this.#marked),
    };
  }

  /** Those from this number on that are to be carried out and not under way; they are from now on. */
  begin(from: number): NumberedEffect[] {
    const begun: NumberedEffect[] = [];
    for (const [number, effect] of this.#undone) {
      if (number < from || this.#underWay.has(number)) continue;
      this.#underWay.add(number);
      begun.push(effect);
    }
    return begun;
  }

  /** One that was under way is done, or was given up for now. */
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

  /** All up to this one are done. */
  #doneUpTo(): number {
    for (const number of this.#undone.keys()) return number - 1;
    return this.#last;
  }
}

/** What side effects take in memory as long as they are not done. */
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
