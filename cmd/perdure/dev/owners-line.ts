// SPDX-License-Identifier: Apache-2.0

import type { Clock, Timer } from "../../../pkg/base/mod.ts";

export interface OwnersLineDependencies {
  /** Of all proxies. */
  readonly names: readonly string[];
  /** How many shards there are. */
  readonly shards: number;
  readonly clock: Clock;
  readonly show: (line: string) => void;
}

/** Shards move one by one. The line is shown when none has moved for so long, in milliseconds. */
const QUIET_MS = 300;

/** Who owns how many shards; what is missing of all of them moves at the moment, or belongs to a proxy of elsewhere. */
export function ownersText(owned: ReadonlyMap<string, number>, shards: number): string {
  const each = [...owned].map(([name, own]) => `${name} has ${own}`).join(", ");
  const missing = shards - [...owned.values()].reduce((sum, own) => sum + own, 0);
  const none = missing > 0 ? `; nobody here has ${missing}` : "";
  return `${shards} shards of entities: ${each}${none}`;
}

/** Shows who owns how many shards: once some are owned, and whenever that has changed. */
export class OwnersLine {
  readonly #dependencies: OwnersLineDependencies;
  readonly #owned: Map<string, number>;
  #timer: Timer | undefined;
  #shown: string;

  constructor(dependencies: OwnersLineDependencies) {
    const { names, shards } = dependencies;
    this.#dependencies = dependencies;
    this.#owned = new Map(names.map((name) => [name, 0]));
    this.#shown = ownersText(this.#owned, shards);
  }

  changed(name: string, own: number): void {
    this.#owned.set(name, own);
    this.#timer?.cancel();
    this.#timer = this.#dependencies.clock.schedule(QUIET_MS, () => this.#show());
  }

  /** Shows nothing any more. */
  stop(): void {
    this.#timer?.cancel();
    this.changed = () => undefined;
  }

  #show(): void {
    const { shards, show } = this.#dependencies;
    const text = ownersText(this.#owned, shards);
    if (text === this.#shown) return;
    this.#shown = text;
    show(text);
  }
}
