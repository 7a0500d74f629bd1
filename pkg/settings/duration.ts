// SPDX-License-Identifier: Apache-2.0

import type { Form } from "./form.ts";
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "./units.ts";

const UNITS_MS: readonly (readonly [string, number])[] = [
  ["h", HOUR_MS],
  ["m", MINUTE_MS],
  ["s", SECOND_MS],
  ["ms", 1],
];

/** A time in milliseconds, written as Knative writes it: `30s`, `1m30s`, `500ms`. */
export function duration({ min, max }: { readonly min: number; readonly max: number }): Form<number> {
  const mustBe = `a time like 500ms, 30s or 1m30s, from ${shownDuration(min)} to ${shownDuration(max)}`;
  return {
    shown: "a time like `30s`",
    read: (text) => {
      const value = durationMs(text);
      return value >= min && value <= max ? { value } : { mustBe };
    },
    write: shownDuration,
  };
}

function durationMs(text: string): number {
  if (!/^(?:\d{1,12}(?:ms|s|m|h))+$/.test(text)) return Number.NaN;
  const parts = text.matchAll(/(\d+)(ms|s|m|h)/g);
  const unitsMs = new Map(UNITS_MS);
  return [...parts].reduce((sum, [, count, unit = ""]) => sum + Number(count) * (unitsMs.get(unit) ?? 0), 0);
}

/** `1m30s` for 90,000. */
export function shownDuration(ms: number): string {
  let leftMs = ms;
  const parts = UNITS_MS.map(([unit, unitMs]) => {
    const count = Math.floor(leftMs / unitMs);
    leftMs -= count * unitMs;
    return count === 0 ? "" : `${count}${unit}`;
  });
  return parts.join("") || "0s";
}
