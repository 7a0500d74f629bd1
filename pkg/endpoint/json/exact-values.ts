// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, JsonObject, JsonValue, Registry } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";

import { HttpError } from "../http/http-error.ts";
import { isObject } from "./json-tree.ts";
import { shapeOf } from "./message-shape.ts";
import { isBetweenFloats, nearestFloat } from "./nearest-float.ts";
import { quoteNumbers } from "./quote-numbers.ts";
import {
  fitsType,
  isBase64,
  isDuration,
  isFieldMask,
  isNumberText,
  isTimestamp,
  isWholeKey,
  wholeNumber,
} from "./value-texts.ts";
import type { Change, Changes, Place, WalkContext } from "./value-walk.ts";
import { messageChange } from "./value-walk.ts";

/** Characters of a value that an error shows: enough to find it in the JSON. */
const MAX_SHOWN = 80;

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
  if (!context.wantsDigits) return { json: exact, hasOtherUrls: context.hasOtherUrls };
  return {
    json: change(JSON.parse(text) as JsonValue, withTexts(text), context),
    hasOtherUrls: context.hasOtherUrls,
  };
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
      if (!isWholeKey(key)) refuse(place, key, "a whole number");
    };
  },
  special({ typeName }, place) {
    if (typeName === "google.protobuf.Timestamp")
      return checkedText(place, isTimestamp, "a date and time that exists (RFC 3339)");
    if (typeName === "google.protobuf.Duration")
      return checkedText(place, isDuration, "a number of seconds with at most nine decimals, and an s");
    if (typeName === "google.protobuf.FieldMask")
      return checkedText(place, isFieldMask, "a list of paths in lowerCamelCase, with commas between them");
    return undefined;
  },
  packed(desc, json, context) {
    if (json["@type"] !== `type.googleapis.com/${desc.typeName}`) context.hasOtherUrls = true;
    if (shapeOf(desc).form === "fields") dropEmptyValue(desc, json);
    else checkHasValueAlone(desc, json);
  },
};

const exactMessage = messageChange("some", changes);

function exactScalar(type: ScalarType, place: Place): Change<ExactContext> | undefined {
  if (type === ScalarType.STRING || type === ScalarType.BOOL) return undefined;
  if (type === ScalarType.BYTES) return checkedText(place, isBase64, "base64");
  if (type === ScalarType.DOUBLE) return checkedText(place, isNumberText, "a number");
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
  const checkText = checkedText(place, isNumberText, "a number");
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

/**
 * Removes the empty `value` of an `Empty` in an `Any`: Go's protojson writes it, other implementations do not, and
 * protobuf-es expects an `Empty` without it.
 */
function dropEmptyValue({ typeName }: DescMessage, json: JsonObject): void {
  if (typeName !== "google.protobuf.Empty") return;
  const { value } = json;
  if (isObject(value) && Object.keys(value).length === 0) delete json["value"];
}

/**
 * Checks that the `Any` has the member `value` and no other besides `@type`, because JSON does not write its type as
 * an object of its fields.
 */
function checkHasValueAlone(desc: DescMessage, json: JsonObject): void {
  if (!Object.hasOwn(json, "value"))
    throw new HttpError(
      "WRONG_FIELD_TYPE",
      `cannot decode ${desc.toString()} from JSON: its Any has no "value"`,
    );
  for (const key of Object.keys(json)) {
    if (key === "value" || key === "@type") continue;
    throw new HttpError(
      "UNKNOWN_JSON_FIELD",
      `cannot decode ${desc.toString()} from JSON: key ${shown(key)} is unknown`,
    );
  }
}

function checkedText(
  place: Place,
  isRight: (text: string) => boolean,
  expected: string,
): Change<ExactContext> {
  return (json) => (typeof json !== "string" || isRight(json) ? json : refuse(place, json, expected));
}

function refuse(place: Place, text: string, expected: string): never {
  throw new HttpError(
    "WRONG_FIELD_TYPE",
    `cannot decode ${place.toString()} from JSON: ${shown(text)} is not ${expected}`,
  );
}

function shown(text: string): string {
  return JSON.stringify(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);
}
