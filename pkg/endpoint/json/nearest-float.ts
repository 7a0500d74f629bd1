// SPDX-License-Identifier: Apache-2.0

/** The largest float is below it by half of what it is below 2^128: from here on, a number is rounded to infinity. */
const OVERFLOW = 2 ** 128 - 2 ** 103;

/** Every double that is a float or in the middle between two is a whole number of these parts of one. */
const PARTS_BITS = 150;

/** More digits than any double of that kind has: what is behind them only says on which side of it a number is. */
const MAX_DIGITS = 200;

/**
 * Whether a double is exactly in the middle between two floats. Then it does not say to which of them a number is nearer
 * that was rounded to it: 1.0000000596046448 is a little nearer to the float above it, its double is as far from both.
 */
export function isBetweenFloats(double: number): boolean {
  const float = Math.fround(double);
  if (float === double) return false;
  if (Math.abs(double) === OVERFLOW) return true;
  const mirrored = float + 2 * (double - float);
  return mirrored !== float && Math.fround(mirrored) === mirrored;
}

/**
 * The float nearest to a decimal number, rounded once: to the even one if two are as near. Infinite if it is beyond the
 * largest float.
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

/** Below zero if the decimal number is less than the double, which is a middle between floats. */
function compareWithDouble(text: string, double: number): number {
  const { digits, exponent } = decimal(text);
  const parts = BigInt(Math.abs(double) * 2 ** PARTS_BITS);
  const scale = 10n ** BigInt(Math.abs(exponent));
  const left = (digits << BigInt(PARTS_BITS)) * (exponent > 0 ? scale : 1n);
  const right = parts * (exponent > 0 ? 1n : scale);
  if (left === right) return 0;
  return left > right === double > 0 ? 1 : -1;
}

/** The absolute value as `digits` × 10^`exponent`, cut where what is behind decides no more than that there is something. */
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
