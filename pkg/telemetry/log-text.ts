// SPDX-License-Identifier: Apache-2.0

import type { LogFields } from "../base/mod.ts";
import { cutText, describeError } from "../base/mod.ts";

/**
 * Longest text of a field in a log line, in UTF-16 code units. A text from a user function or a caller may have
 * megabytes, but if it says what is wrong, it does so at its beginning.
 */
const MAX_TEXT_LENGTH = 1_000;

/** Most items of a list, and most fields of an object within a field. */
const MAX_ITEMS = 100;

/** Lists and objects within each other. */
const MAX_DEPTH = 4;

/**
 * Converts the fields of a log line for every kind of logger: an error becomes its message, and long values are cut.
 */
export function readableFields(fields: LogFields = {}): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, readable(value, 0)]));
}

function readable(value: unknown, depth: number): unknown {
  if (typeof value === "string") return cutText(value, MAX_TEXT_LENGTH);
  // Without the stack, because that is for a debugger.
  if (value instanceof Error) return cutText(describeError(value), MAX_TEXT_LENGTH);
  if (typeof value !== "object" || value === null) return value;
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (depth === MAX_DEPTH) return "…";
  if (Array.isArray(value)) {
    const items = value.slice(0, MAX_ITEMS).map((item) => readable(item, depth + 1));
    return value.length > MAX_ITEMS ? [...items, `… (${value.length - MAX_ITEMS} more)`] : items;
  }
  const entries = Object.entries(value);
  const shown = entries
    .slice(0, MAX_ITEMS)
    .map(([key, item]) => [cutText(key, MAX_TEXT_LENGTH), readable(item, depth + 1)]);
  if (entries.length > MAX_ITEMS) shown.push(["…", `${entries.length - MAX_ITEMS} more`]);
  return Object.fromEntries(shown) as Record<string, unknown>;
}
