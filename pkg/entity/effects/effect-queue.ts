// SPDX-License-Identifier: Apache-2.0

import type { SideEffect } from "../outcome.ts";

/** Carries out stored side effects that no command waits for. `of` names the entity. Never throws. */
export type CarryOut = (effects: readonly SideEffect[], of: string) => void;

/**
 * Stored side effects that are to be carried out again. Entities put them in, and the router takes them out, so that
 * entities need not know the router. What waits counts in the memory of its entity until it is done (I11).
 */
export class EffectQueue {
  readonly #waiting: Parameters<CarryOut>[] = [];
  #consumer: CarryOut | undefined;

  readonly put: CarryOut = (effects, of) => {
    if (this.#consumer === undefined) this.#waiting.push([effects, of]);
    else this.#consumer(effects, of);
  };

  /** Hands over what waits, and from now on what is put in, in order. One consumer only. */
  consume(consumer: CarryOut): void {
    this.#consumer = consumer;
    for (const [effects, of] of this.#waiting.splice(0)) consumer(effects, of);
  }
}
