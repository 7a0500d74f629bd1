// SPDX-License-Identifier: Apache-2.0

import { ScalarType } from "@bufbuild/protobuf";

/**
 * Checks of texts that stand for values in protobuf's JSON. They only cover texts that protobuf's own parsers refuse
 * and protobuf-es would turn into another value (docs/adr/0015). What protobuf-es itself refuses, such as a year or a
 * number out of range, is not checked here.
 */

/** Any way to write a number of JSON (RFC 8259, 6). Each digit can be matched in one way only. */
const NUMBER = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

const ZERO = 0x30;

/** The most digits of a 64-bit number. */
const MAX_DIGITS = 20;

/** Whole numbers that protobuf-es reads without a mistake; leading zeros do no harm. */
const DIGITS = /^-?\d{1,20}$/;

/** The digits of a whole number, also of `1.50e1`, as protobuf's parsers take it. Undefined: not whole, or too long. */
export function wholeNumber(text: string): string | undefined {
  if (DIGITS.test(text)) return text;
  const parts = NUMBER.exec(text);
  if (parts === null) return undefined;
  const [, sign = "", whole = "", zeros = "", exponent = "0"] = parts;
  const fraction = withoutZerosAtEnd(zeros);
  const digits = (whole + fraction).replace(/^0+/, "");
  if (digits === "") return "0";
  const shift = Number(exponent) - fraction.length;
  if (shift >= 0) return digits.length + shift > MAX_DIGITS ? undefined : sign + digits + "0".repeat(shift);
  if (-shift >= digits.length || !/^0+$/.test(digits.slice(shift))) return undefined;
  return sign + digits.slice(0, shift);
}

/** Not a regular expression, because it would start again at each zero and so take quadratic time. */
function withoutZerosAtEnd(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits.charAt(end - 1) === "0") end--;
  return digits.slice(0, end);
}

const UINT32: readonly [min: number, max: number] = [0, 2 ** 32 - 1];
const INT32: readonly [min: number, max: number] = [-(2 ** 31), 2 ** 31 - 1];

const RANGES: ReadonlyMap<ScalarType, readonly [min: number, max: number]> = new Map([
  [ScalarType.INT32, INT32],
  [ScalarType.SINT32, INT32],
  [ScalarType.SFIXED32, INT32],
  [ScalarType.UINT32, UINT32],
  [ScalarType.FIXED32, UINT32],
]);

/** Whether a whole number fits its 32-bit type. protobuf-es itself checks those of 64 bits. */
export function fitsType(type: ScalarType, digits: string): boolean {
  const range = RANGES.get(type);
  return range === undefined || (Number(digits) >= range[0] && Number(digits) <= range[1]);
}

/** The numbers that JSON does not have. */
export const NOT_FINITE: readonly string[] = ["NaN", "Infinity", "-Infinity"];

/** Whether a text is a number of JSON or one of the three that JSON does not have. */
export function isNumberText(text: string): boolean {
  return NUMBER.test(text) || NOT_FINITE.includes(text);
}

/** Whether a text is a whole number without a fraction or an exponent, as keys of maps and parameters have it. */
export function isDigits(text: string): boolean {
  return DIGITS.test(text);
}

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

/** Whether a text is a date of the calendar and a time of the day (RFC 3339, 5.6 and 5.7), without leap seconds. */
export function isTimestamp(text: string): boolean {
  if (!TIMESTAMP.test(text)) return false;
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  if (month < 1 || month > 12 || day < 1) return false;
  if (day > 28 && day > daysOf(twoDigits(text, 0) * 100 + twoDigits(text, 2), month)) return false;
  if (!isTime(text, 11) || twoDigits(text, 17) > 59) return false;
  return text.endsWith("Z") || isTime(text, text.length - 5);
}

/** Whether the hour and minute at this position are at most `23:59`. */
function isTime(text: string, at: number): boolean {
  return twoDigits(text, at) <= 23 && twoDigits(text, at + 3) <= 59;
}

function twoDigits(text: string, at: number): number {
  return (text.charCodeAt(at) - ZERO) * 10 + (text.charCodeAt(at + 1) - ZERO);
}

function daysOf(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

const DURATION = /^-?\d+(?:\.\d{1,9})?s$/;

/** Whether a text has the form of a `google.protobuf.Duration`, with nothing after it. */
export function isDuration(text: string): boolean {
  return DURATION.test(text);
}

/** Names in lowerCamelCase with points between them. Each character can be matched in one way only. */
const PATH = "[A-Za-z][A-Za-z0-9]*(?:\\.[A-Za-z][A-Za-z0-9]*)*";
const MASK = new RegExp(`^(?:${PATH}(?:,${PATH})*)?$`);

/** Whether a text is the paths of a `google.protobuf.FieldMask`, of which there may be none. */
function isFieldMask(text: string): boolean {
  return MASK.test(text);
}

/** Both alphabets. Line breaks are ignored, as protobuf's own parsers do. */
const BASE64 = /^[\w+/\r\n-]*$/;
const STANDARD = /[+/]/;
const URL_SAFE = /[-_]/;
const PADDING = /^(={1,2})[\r\n]*$/;

/**
 * Whether a text is base64 or base64url (RFC 4648, 4 and 5), but not a mixture, padded to its end or not at all.
 * Blanks are refused, because a blank may be a `+` that was decoded as in a query or a form.
 */
export function isBase64(text: string): boolean {
  const end = text.indexOf("=");
  const body = end === -1 ? text : text.slice(0, end);
  if (!BASE64.test(body) || (STANDARD.test(body) && URL_SAFE.test(body))) return false;
  const length = body.length - lineBreaks(body);
  if (end === -1) return length % 4 !== 1;
  const padding = PADDING.exec(text.slice(end))?.[1];
  return padding !== undefined && (length + padding.length) % 4 === 0;
}

function lineBreaks(text: string): number {
  if (!text.includes("\n") && !text.includes("\r")) return 0;
  let count = 0;
  for (let at = 0; at < text.length; at++) if (text[at] === "\n" || text[at] === "\r") count++;
  return count;
}

/** A kind of text that stands for a value. */
export interface TextForm {
  readonly isRight: (text: string) => boolean;
  /** What a text must be, for error texts. */
  readonly expected: string;
}

export const BASE64_TEXT: TextForm = { isRight: isBase64, expected: "base64" };

/** The messages that JSON writes as one text, by the names of their types. */
export const TEXT_MESSAGES: ReadonlyMap<string, TextForm> = new Map([
  ["google.protobuf.Timestamp", { isRight: isTimestamp, expected: "a date and time that exists (RFC 3339)" }],
  [
    "google.protobuf.Duration",
    { isRight: isDuration, expected: "a number of seconds with at most nine decimals, and an s" },
  ],
  [
    "google.protobuf.FieldMask",
    { isRight: isFieldMask, expected: "a list of paths in lowerCamelCase, with commas between them" },
  ],
]);
