// SPDX-License-Identifier: Apache-2.0

/** A source of random numbers in [0, 1). It is passed as a parameter, so that tests can repeat a run by its seed. */
export type Random = () => number;

export const systemRandom: Random = () => Math.random();

/**
 * A repeatable sequence from a 32-bit seed: mulberry32 (Tommy Ettinger, 2017, public domain). Good enough for jitter,
 * test programs and fault schedules; not for secrets.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A random id of ten letters and digits, to find log lines that belong together. Not for secrets. */
export function shortId(random: Random): string {
  return Array.from({ length: 10 }, () => randomBelow(random, 36).toString(36)).join("");
}

/** A whole number in [0, below). */
export function randomBelow(random: Random, below: number): number {
  return Math.floor(random() * below);
}
