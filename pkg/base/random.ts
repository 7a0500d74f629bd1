// SPDX-License-Identifier: Apache-2.0

/** A source of random numbers in [0, 1). It is passed as a parameter, so that tests can repeat a run by its seed. */
export type Random = () => number;

export const systemRandom: Random = () => Math.random();

/** A random id of ten letters and digits, to find log lines that belong together. Not for secrets. */
export function shortId(random: Random): string {
  return Array.from({ length: 10 }, () => randomBelow(random, 36).toString(36)).join("");
}

/** A whole number in [0, below). */
export function randomBelow(random: Random, below: number): number {
  return Math.floor(random() * below);
}
