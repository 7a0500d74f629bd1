// SPDX-License-Identifier: Apache-2.0

import { HttpError } from "../http/http-error.ts";
import { MAX_JSON_DEPTH } from "./limits.ts";

const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const ARRAY = 0x5b;
const END_OF_ARRAY = 0x5d;
const OBJECT = 0x7b;
const END_OF_OBJECT = 0x7d;

/** Kinds of bytes outside texts: a delimiter ends a number or a word, an `e` or `E` begins an exponent. */
const DELIMITER = 1;
const EXPONENT = 2;
const KINDS = new Uint8Array(256);
KINDS.fill(DELIMITER, 0, SPACE + 1);
for (const byte of [COMMA, COLON, QUOTE, ARRAY, END_OF_ARRAY, OBJECT, END_OF_OBJECT]) KINDS[byte] = DELIMITER;
for (const letter of "eE") KINDS[letter.charCodeAt(0)] = EXPONENT;

/** With up to this many digits and no exponent, a number is whole exactly if its nearest double is, its equal. */
const CLEAR_DIGITS = 15;

export interface ScannedJson {
  /** Keys, objects, arrays, texts, numbers, `true`s, `false`s and `null`s. */
  readonly values: number;
  /** Whether the text has a number that may differ from its nearest double, where that double is whole or infinite. */
  readonly isUnclear: boolean;
}

/**
 * Counts the keys and values of a JSON text before it is parsed, and looks for numbers that `JSON.parse` may change.
 *
 * 1. For a JSON text the count is exact.
 * 2. For any other bytes it counts at least the values that `JSON.parse` builds, and the levels that it enters,
 *    before it fails.
 * 3. It reads each byte once, except those of the rare number that needs a closer look, and stops at the first value
 *    beyond a bound.
 * 4. If no number is unclear, each whole number that `JSON.parse` returns equals the number that was written, and
 *    none is infinite.
 *
 * @throws HttpError `JSON_TOO_DEEP`, `JSON_TOO_MANY_VALUES`
 */
export function scanJson(text: Buffer, maxJsonValues: number): ScannedJson {
  const { length } = text;
  let values = 0;
  let depth = 0;
  let isUnclear = false;
  let at = 0;
  while (at < length) {
    const byte = text[at++] as number;
    // Control characters are skipped like blanks, because `JSON.parse` refuses them anyway (2).
    if (byte <= SPACE || byte === COMMA || byte === COLON) continue;
    if (byte === END_OF_ARRAY || byte === END_OF_OBJECT) {
      depth--;
      continue;
    }
    if (++values > maxJsonValues) throw tooManyValues(maxJsonValues);
    if (byte === QUOTE) at = endOfText(text, at);
    else if (byte === ARRAY || byte === OBJECT) {
      if (++depth > MAX_JSON_DEPTH)
        throw new HttpError("JSON_TOO_DEEP", `the JSON is more than ${MAX_JSON_DEPTH} levels deep`);
    } else {
      const start = at - 1;
      let kinds = 0;
      for (; at < length; at++) {
        const kind = KINDS[text[at] as number] as number;
        if (kind === DELIMITER) break;
        kinds |= kind;
      }
      // The first byte tells a number from a word: digits and signs are below the letters that words begin with.
      if ((at - start > CLEAR_DIGITS || kinds !== 0) && byte <= NINE && !isUnclear)
        isUnclear = mayMislead(text, start, at, kinds !== 0);
    }
  }
  return { values, isUnclear };
}

/** The place after the closing quote. */
function endOfText(text: Buffer, start: number): number {
  const { length } = text;
  let at = start;
  while (at < length) {
    const byte = text[at++] as number;
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at++;
  }
  return at;
}

/** Whether the double nearest to a number is a whole number, or infinite. */
function mayMislead(text: Buffer, start: number, end: number, hasExponent: boolean): boolean {
  if (!hasExponent && isFraction(text, start, end)) return false;
  const nearest = Number(text.toString("latin1", start, end));
  return Number.isInteger(nearest) || !Number.isFinite(nearest);
}

/** Whether a number is below 10^14 and its first decimal neither 0 nor 9: it is then not whole, nor is its double. */
function isFraction(text: Buffer, start: number, end: number): boolean {
  const last = Math.min(end - 1, start + CLEAR_DIGITS);
  let dot = start;
  while (dot < last && text[dot] !== DOT) dot++;
  const tenths = text[dot + 1] as number;
  return dot < last && tenths > ZERO && tenths < NINE;
}

export function tooManyValues(maxJsonValues: number): HttpError {
  const text = `the JSON has more than ${maxJsonValues} values, of which names and the defaults of absent fields count too`;
  return new HttpError("JSON_TOO_MANY_VALUES", text);
}

/** The count of `scanJson` alone. */
export function countJsonValues(text: Buffer, maxJsonValues: number): number {
  return scanJson(text, maxJsonValues).values;
}
