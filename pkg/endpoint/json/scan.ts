// SPDX-License-Identifier: Apache-2.0

import { HttpError } from "../http/http-error.ts";
import { MAX_JSON_DEPTH } from "./limits.ts";

const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const ARRAY = 0x5b;
const END_OF_ARRAY = 0x5d;
const OBJECT = 0x7b;
const END_OF_OBJECT = 0x7d;

/**
 * Counts the keys and values of a JSON text before anything is built from it.
 *
 * 1. Of a JSON text it counts exactly the keys, objects, arrays, texts, numbers, `true`s, `false`s and `null`s.
 * 2. Of any other bytes it counts no fewer than `JSON.parse` builds before it finds out, and each level that it enters.
 * 3. It reads each byte once, and stops at the first value beyond a bound. Nothing is allocated.
 *
 * @throws HttpError `JSON_TOO_DEEP`, `JSON_TOO_MANY_VALUES`
 */
export function countJsonValues(text: Uint8Array, maxJsonValues: number): number {
  const { length } = text;
  let values = 0;
  let depth = 0;
  let at = 0;
  while (at < length) {
    const byte = text[at++] as number;
    // What is no token at all `JSON.parse` refuses, so it may as well be passed over (2).
    if (byte <= SPACE || byte === COMMA || byte === COLON) continue;
    if (byte === END_OF_ARRAY || byte === END_OF_OBJECT) {
      depth--;
      continue;
    }
    if (++values > maxJsonValues) throw tooManyValues(maxJsonValues);
    if (byte === QUOTE) at = endOfText(text, at);
    else if (byte === ARRAY || byte === OBJECT) {
      if (++depth > MAX_JSON_DEPTH) throw tooDeep();
    } else while (at < length && !isDelimiter(text[at] as number)) at++;
  }
  return values;
}

/** The place after the closing quote. */
function endOfText(text: Uint8Array, start: number): number {
  const { length } = text;
  let at = start;
  while (at < length) {
    const byte = text[at++] as number;
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at++;
  }
  return at;
}

/** What ends a number or a word. */
function isDelimiter(byte: number): boolean {
  return (
    byte <= SPACE ||
    byte === COMMA ||
    byte === COLON ||
    byte === QUOTE ||
    byte === ARRAY ||
    byte === END_OF_ARRAY ||
    byte === OBJECT ||
    byte === END_OF_OBJECT
  );
}

export function tooManyValues(maxJsonValues: number): HttpError {
  const text = `the JSON has more than ${maxJsonValues} values, of which names and the defaults of absent fields count too`;
  return new HttpError("JSON_TOO_MANY_VALUES", text);
}

function tooDeep(): HttpError {
  return new HttpError("JSON_TOO_DEEP", `the JSON is more than ${MAX_JSON_DEPTH} levels deep`);
}
