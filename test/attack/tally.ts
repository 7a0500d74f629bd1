// SPDX-License-Identifier: Apache-2.0

/** What an attack has done so far: names of things and their numbers, as `connections` or `answered 413`. */
export type Counts = Readonly<Record<string, number>>;

/** Counts what one process of an attack does. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(name: string, amount = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + amount);
  }

  get(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  counts(): Counts {
    return Object.fromEntries(this.#counts);
  }
}

/** Of several processes together. */
export function sumCounts(all: readonly Counts[]): Counts {
  const sum = new Tally();
  for (const counts of all) for (const [name, amount] of Object.entries(counts)) sum.add(name, amount);
  return sum.counts();
}
