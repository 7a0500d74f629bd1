// SPDX-License-Identifier: Apache-2.0

/** Integers below are floats, each of them, and have no shorter way to be written. */
const MAX_EXACT = 2 ** 24;

/** Floats below have less than 24 bits, and so perhaps less than six digits. */
const MIN_NORMAL = 2 ** -126;

/** As many digits tell any two floats apart. */
const ENOUGH_DIGITS = 9;

/** Any number of so many digits is a float of its own, so a shorter one is no other. */
const SURE_DIGITS = 6;
const SURE = 10 ** SURE_DIGITS;

/** Parts of one that are looked at first: most floats were written by people. */
const PARTS = [100_000, 1_000, 10] as const;

/**
 * The double that is written with the fewest digits that tell a float from its neighbours: 0.1 of 0.10000000149011612. It is
 * read back as the same float, whether by way of a double or not.
 *
 * @param value a float, as JavaScript has it.
 */
export function shortFloat(value: number): number {
  if (!Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) < MAX_EXACT)) return value;
  for (const parts of PARTS) {
    const count = Math.round(value * parts);
    if (Math.abs(count) >= SURE) continue;
    const short = count / parts;
    if (Math.fround(short) === value && !isBetween(short, value)) return short;
  }
  for (let digits = Math.abs(value) < MIN_NORMAL ? 1 : SURE_DIGITS; digits < ENOUGH_DIGITS; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value && !isBetween(short, value)) return short;
  }
  return Number(value.toPrecision(ENOUGH_DIGITS));
}

/**
 * Whether a double is as far from the float as from its neighbour, and is not the very number that was written: that may have
 * been nearer to the neighbour. The very number is the float's, if that is what it is rounded to.
 */
function isBetween(double: number, float: number): boolean {
  const mirrored = float + 2 * (double - float);
  if (mirrored === float || Math.fround(mirrored) !== mirrored) return false;
  return !EXACT.test(double.toExponential(MOST_DIGITS));
}

const MOST_DIGITS = 100;

/** At most nine digits, and then nothing. */
const EXACT = /^-?\d\.\d{8}0*e/;
