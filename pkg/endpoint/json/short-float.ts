// SPDX-License-Identifier: Apache-2.0

import { isBetweenFloats } from "./nearest-float.ts";

/** Every integer below this is a float, and its own digits are its shortest form. */
const MAX_EXACT = 2 ** 24;

/** Floats below this have fewer than 24 bits, so fewer than six digits may tell them apart. */
const MIN_NORMAL = 2 ** -126;

/** This many digits tell any two floats apart. */
const ENOUGH_DIGITS = 9;

/** Two numbers of up to this many digits are never rounded to the same float: no shorter one need be tried. */
const SURE_DIGITS = 6;
const SURE = 10 ** SURE_DIGITS;

/** Fractions of one that are tried first, because people write most floats with few decimals. */
const PARTS = [100_000, 1_000, 10] as const;

/**
 * The double with the fewest digits that tell a float from its neighbours: 0.1 for 0.10000000149011612. A reader gets
 * the same float back, whether or not it parses a double first.
 *
 * @param value a float, as JavaScript has it.
 */
export function shortFloat(value: number): number {
  if (!Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) < MAX_EXACT)) return value;
  for (const parts of PARTS) {
    const count = Math.round(value * parts);
    if (Math.abs(count) >= SURE) continue;
    const short = count / parts;
    if (Math.fround(short) === value && !isInexactMiddle(short)) return short;
  }
  for (let digits = Math.abs(value) < MIN_NORMAL ? 1 : SURE_DIGITS; digits < ENOUGH_DIGITS; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value && !isInexactMiddle(short)) return short;
  }
  return Number(value.toPrecision(ENOUGH_DIGITS));
}

/**
 * Whether a double is exactly halfway between two floats, and its decimal text, being inexact, may be nearer to the
 * other. An exact text is safe, because a reader rounds it as `Math.fround` rounds the double.
 */
function isInexactMiddle(double: number): boolean {
  return isBetweenFloats(double) && !EXACT.test(double.toExponential(MOST_DIGITS));
}

const MOST_DIGITS = 100;

/** At most nine digits, followed only by zeros. */
const EXACT = /^-?\d\.\d{8}0*e/;
