// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, JsonObject, JsonValue, Registry } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";

import type { HttpErrorCode } from "../http/http-error.ts";
import { HttpError } from "../http/http-error.ts";
import { quoted } from "../http/shown.ts";
import { isObject } from "./json-tree.ts";
import { hasFieldsInJson } from "./message-shape.ts";
import { isBetweenFloats, nearestFloat } from "./nearest-float.ts";
import { quoteNumbers } from "./quote-numbers.ts";
import type { TextForm } from "./value-texts.ts";
import { BASE64_TEXT, fitsType, isDigits, isNumberText, TEXT_MESSAGES, wholeNumber } from "./value-texts.ts";
import type { Change, Changes, Place, WalkContext } from "./value-walk.ts";
import { messageChange } from "./value-walk.ts";

export interface ExactJson {
  readonly json: JsonValue;
  /** Whether an `Any` names another type URL than protobuf-es would give it (`keepTypeUrls`). */
  readonly hasOtherUrls: boolean;
}

/**
 * Corrects the JSON of a message so that protobuf-es reads it without a mistake (docs/adr/0015).
 *
 * 1. A whole number becomes the text of its digits if a double may have changed it.
 * 2. A number for a float is rounded once, from its digits.
 * 3. It refuses values that protobuf's own parsers refuse and protobuf-es would turn into another value: dates that
 *    do not exist, bytes with blanks, numbers in texts that are not JSON numbers, members of an `Any` that its type
 *    does not have.
 * 4. All else is left as it is.
 *
 * @param text is JSON.
 * @param json the result of `JSON.parse` for `text`; changed in place.
 * @param isUnclear whether the text has a number that `JSON.parse` may have changed and that may be whole
 * (`scanJson`).
 * @throws HttpError `WRONG_FIELD_TYPE`, `UNKNOWN_JSON_FIELD`
 */
export function exactValues(
  schema: DescMessage,
  text: string,
  json: JsonValue,
  isUnclear: boolean,
  types: Registry,
): ExactJson {
  const change = exactMessage(schema);
  if (change === undefined) return { json, hasOtherUrls: false };
  const context: ExactContext = { types, hasOtherUrls: false, wantsDigits: false };
  const exact = change(json, isUnclear ? withTexts(text) : undefined, context);
  const again = context.wantsDigits ? change(JSON.parse(text) as JsonValue, withTexts(text), context) : exact;
  return { json: again, hasOtherUrls: context.hasOtherUrls };
}

function withTexts(text: string): JsonValue {
  return JSON.parse(quoteNumbers(text)) as JsonValue;
}

interface ExactContext extends WalkContext {
  hasOtherUrls: boolean;
  /** Whether a number needs its original digits although the scan did not report it as unclear. */
  wantsDigits: boolean;
}

const changes: Changes<ExactContext> = {
  scalar(type, place) {
    const change = exactScalar(type, place);
    // As the value of a field, null means that the wrapper is not set. A wrapper alone or in an `Any` is refused if
    // it is null, because there is no field to leave unset.
    return place.kind === "message" ? refuseNull(place, change) : change;
  },
  enumValue(place) {
    return (json, twin) => {
      if (typeof json !== "number" || typeof twin !== "string") return json;
      return Number(exactWhole(ScalarType.INT32, twin, place));
    };
  },
  mapKey(type, place) {
    if (type === ScalarType.STRING || type === ScalarType.BOOL) return undefined;
    return (key) => {
      if (!isDigits(key)) refuse(place, key, "a whole number");
    };
  },
  special({ typeName }, place) {
    const form = TEXT_MESSAGES.get(typeName);
    return form && checkedText(place, form);
  },
  packed(desc, json, context) {
    if (json["@type"] !== `type.googleapis.com/${desc.typeName}`) context.hasOtherUrls = true;
    if (hasFieldsInJson(desc)) dropEmptyValue(desc, json);
    else checkHasValueAlone(desc, json);
  },
};

const exactMessage = messageChange("some", changes);

function exactScalar(type: ScalarType, place: Place): Change<ExactContext> | undefined {
  if (type === ScalarType.STRING || type === ScalarType.BOOL) return undefined;
  if (type === ScalarType.BYTES) return checkedText(place, BASE64_TEXT);
  if (type === ScalarType.DOUBLE) return checkedText(place, NUMBER_TEXT);
  if (type === ScalarType.FLOAT) return exactFloat(place);
  return (json, twin) => {
    const written = typeof json === "number" ? twin : json;
    if (typeof written !== "string" || written === "") return json;
    return exactWhole(type, written, place);
  };
}

function exactWhole(type: ScalarType, written: string, place: Place): string {
  const digits = wholeNumber(written);
  if (digits === undefined || !fitsType(type, digits)) refuse(place, written, "a whole number that fits");
  return digits;
}

function exactFloat(place: Place): Change<ExactContext> {
  const checkText = checkedText(place, NUMBER_TEXT);
  return (json, twin, context) => {
    if (typeof json === "number") {
      if (!isBetweenFloats(json)) return checkedFloat(Math.fround(json), String(json), place);
      if (typeof twin === "string") return checkedFloat(nearestFloat(twin), twin, place);
      context.wantsDigits = true;
      return json;
    }
    checkText(json, twin, context);
    const isNumber = typeof json === "string" && Number.isFinite(Number(json));
    return isNumber ? checkedFloat(nearestFloat(json), json, place) : json;
  };
}

function checkedFloat(float: number, written: string, place: Place): number {
  return Number.isFinite(float) ? float : refuse(place, written, "a number that fits a float");
}

function refuseNull(place: Place, change: Change<ExactContext> | undefined): Change<ExactContext> {
  return (json, twin, context) => {
    if (json === null) refuse(place, "null", "a value");
    return change === undefined ? json : change(json, twin, context);
  };
}

/** Removes the empty `value` of an `Empty` in an `Any`: Go's protojson writes it, protobuf-es expects none. */
function dropEmptyValue({ typeName }: DescMessage, json: JsonObject): void {
  if (typeName !== "google.protobuf.Empty") return;
  const { value } = json;
  if (isObject(value) && Object.keys(value).length === 0) delete json["value"];
}

/** Checks an `Any` whose type JSON does not write as an object of its fields: it has `@type` and `value` alone. */
function checkHasValueAlone(desc: DescMessage, json: JsonObject): void {
  if (!Object.hasOwn(json, "value")) throw undecodable("WRONG_FIELD_TYPE", desc, 'its Any has no "value"');
  for (const key of Object.keys(json))
    if (key !== "value" && key !== "@type")
      throw undecodable("UNKNOWN_JSON_FIELD", desc, `key ${quoted(key)} is unknown`);
}

const NUMBER_TEXT: TextForm = { isRight: isNumberText, expected: "a number" };

function checkedText(place: Place, { isRight, expected }: TextForm): Change<ExactContext> {
  return (json) => (typeof json !== "string" || isRight(json) ? json : refuse(place, json, expected));
}

function refuse(place: Place, text: string, expected: string): never {
  throw undecodable("WRONG_FIELD_TYPE", place, `${quoted(text)} is not ${expected}`);
}

function undecodable(code: HttpErrorCode, place: Place, problem: string): HttpError {
  return new HttpError(code, `cannot decode ${place.toString()} from JSON: ${problem}`);
}
