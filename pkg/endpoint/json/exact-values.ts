// SPDX-License-Identifier: Apache-2.0

import { ScalarType } from "@bufbuild/protobuf";
import type { DescMessage, JsonValue, Registry } from "@bufbuild/protobuf";

import { HttpError } from "../http/http-error.ts";
import { isBase64, isDuration, isNumberText, isTimestamp, isWholeKey, wholeNumber } from "./value-texts.ts";
import { messageChange } from "./value-walk.ts";
import type { Change, Changes, Place, WalkContext } from "./value-walk.ts";

const MAX_SHOWN = 80;

/**
 * The JSON of a message as protobuf-es can read it without a mistake (docs/adr/0015).
 *
 * 1. A whole number becomes the text of its digits if a double may have changed it.
 * 2. What protobuf-es would make another value of, and protobuf's own parsers refuse, is refused: dates that do not exist,
 *    bytes with blanks, numbers in texts that are no JSON numbers.
 * 3. All else is left as it is.
 *
 * @param json what `JSON.parse` made; changed where it stands.
 * @param quoted what it made of `quoteNumbers`; undefined if no number is unclear.
 * @throws HttpError `WRONG_FIELD_TYPE`
 */
export function exactValues(
  schema: DescMessage,
  json: JsonValue,
  quoted: JsonValue | undefined,
  types: Registry,
): JsonValue {
  const change = exactMessage(schema);
  return change === undefined ? json : change(json, quoted, { types });
}

const changes: Changes<WalkContext> = {
  scalar(type, place) {
    if (type === ScalarType.STRING || type === ScalarType.BOOL) return undefined;
    if (type === ScalarType.BYTES) return checkedText(place, isBase64, "base64");
    if (type === ScalarType.DOUBLE || type === ScalarType.FLOAT)
      return checkedText(place, isNumberText, "a number");
    return (json, twin) => {
      const written = typeof json === "number" ? twin : json;
      if (typeof written !== "string" || written === "") return json;
      return wholeNumber(written) ?? refuse(place, written, "a whole number that fits");
    };
  },
  enumValue(place) {
    return (json, twin) => {
      if (typeof json !== "number" || typeof twin !== "string") return json;
      return Number(wholeNumber(twin) ?? refuse(place, twin, "a whole number that fits"));
    };
  },
  mapKey(type, place) {
    if (type === ScalarType.STRING || type === ScalarType.BOOL) return undefined;
    return (key) => {
      if (!isWholeKey(key)) refuse(place, key, "a whole number");
    };
  },
  special({ typeName }, place) {
    if (typeName === "google.protobuf.Timestamp")
      return checkedText(place, isTimestamp, "a date and time that exists (RFC 3339)");
    if (typeName === "google.protobuf.Duration")
      return checkedText(place, isDuration, "a number of seconds with at most nine decimals, and an s");
    return undefined;
  },
};

const exactMessage = messageChange("some", changes);

function checkedText(
  place: Place,
  isRight: (text: string) => boolean,
  expected: string,
): Change<WalkContext> {
  return (json) => (typeof json !== "string" || isRight(json) ? json : refuse(place, json, expected));
}

function refuse(place: Place, text: string, expected: string): never {
  const shown = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
  throw new HttpError(
    "WRONG_FIELD_TYPE",
    `cannot decode ${place.toString()} from JSON: ${JSON.stringify(shown)} is not ${expected}`,
  );
}

const QUOTE = 0x22;
const PLUS = 0x2b;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const BACKSLASH = 0x5c;
const E = 0x45;
const SMALL_E = 0x65;

/** A JSON text whose numbers are texts, digit by digit as they were written. */
export function quoteNumbers(text: string): string {
  const pieces: string[] = [];
  let copied = 0;
  let at = 0;
  while (at < text.length) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) at = endOfText(text, at + 1);
    else if (unit === MINUS || (unit >= ZERO && unit <= NINE)) {
      const end = endOfNumber(text, at + 1);
      pieces.push(text.slice(copied, at), '"', text.slice(at, end), '"');
      copied = at = end;
    } else at++;
  }
  pieces.push(text.slice(copied));
  return pieces.join("");
}

function endOfText(text: string, start: number): number {
  for (let at = start; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) return at + 1;
    if (unit === BACKSLASH) at++;
  }
  return text.length;
}

function endOfNumber(text: string, start: number): number {
  let at = start;
  while (at < text.length && isOfNumber(text.charCodeAt(at))) at++;
  return at;
}

function isOfNumber(unit: number): boolean {
  if (unit >= ZERO && unit <= NINE) return true;
  return unit === DOT || unit === E || unit === SMALL_E || unit === PLUS || unit === MINUS;
}
