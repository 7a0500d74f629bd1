// SPDX-License-Identifier: Apache-2.0

/** The midpoint between the largest float and 2^128. From here on, a number is rounded to infinity. */
const OVERFLOW = 2 ** 128 - 2 ** 103;

/** Every float, and every midpoint between two floats, is a whole multiple of 2^-150. */
const PARTS_BITS = 150;

/** More digits than any midpoint between floats has. Further ones only decide on which side of it a number is. */
const MAX_DIGITS = 200;

/**
 * Whether a double is exactly in the middle between two floats. Such a double does not show which float is nearer to
 * the decimal number that was rounded to it: 1.0000000596046448 is slightly nearer to the float above it, but its
 * double is equally far from both.
 */
export function isBetweenFloats(double: number): boolean {
  const float = Math.fround(double);
  if (float === double) return false;
  if (Math.abs(double) === OVERFLOW) return true;
  const mirrored = float + 2 * (double - float);
  return mirrored !== float && Math.fround(mirrored) === mirrored;
}

/**
 * The float nearest to a decimal number, rounded once, to the even one of two; infinite beyond the largest float.
 *
 * @param text a number of JSON, or one of a query, which may begin or end with its point.
 */
export function nearestFloat(text: string): number {
  const double = Number(text);
  const float = Math.fround(double);
  if (!isBetweenFloats(double)) return float;
  const order = compareWithDouble(text, double);
  if (order === 0) return float;
  const other = otherNeighbour(double, float);
  return order > 0 ? Math.max(float, other) : Math.min(float, other);
}

function otherNeighbour(double: number, float: number): number {
  if (Number.isFinite(float)) return float + 2 * (double - float);
  return Math.sign(double) * (2 ** 128 - 2 ** 104);
}

/** Compares a decimal number with a double that is a midpoint between floats: below zero if the number is less. */
function compareWithDouble(text: string, double: number): number {
  const { digits, exponent } = decimal(text);
  const parts = BigInt(Math.abs(double) * 2 ** PARTS_BITS);
  const scale = 10n ** BigInt(Math.abs(exponent));
  const left = (digits << BigInt(PARTS_BITS)) * (exponent > 0 ? scale : 1n);
  const right = parts * (exponent > 0 ? 1n : scale);
  if (left === right) return 0;
  return left > right === double > 0 ? 1 : -1;
}

/** The absolute value as `digits` × 10^`exponent`. One digit, 0 or 1, stands for all after `MAX_DIGITS`. */
function decimal(text: string): { readonly digits: bigint; readonly exponent: number } {
  const [number = "", power = "0"] = text.replace(/^-/, "").split(/[eE]/, 2);
  const [whole = "", fraction = ""] = number.split(".", 2);
  const all = (whole + fraction).replace(/^0+/, "");
  const exponent = Number(power) - fraction.length;
  if (all.length <= MAX_DIGITS) return { digits: BigInt(all), exponent };
  const cut = all.length - MAX_DIGITS;
  const sticky = /[1-9]/.test(all.slice(MAX_DIGITS)) ? "1" : "0";
  return { digits: BigInt(all.slice(0, MAX_DIGITS) + sticky), exponent: exponent + cut - 1 };
}
