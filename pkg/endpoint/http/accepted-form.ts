// SPDX-License-Identifier: Apache-2.0

/** How an error is written. */
export type ErrorForm = "text" | "json";

/** The media ranges that fit each form, the most specific one first, because it counts most (RFC 9110, 12.5.1). */
const RANGES: Readonly<Record<ErrorForm, readonly string[]>> = {
  text: ["text/plain", "text/*", "*/*"],
  json: ["application/json", "application/*", "*/*"],
};

/** A quality: `0` to `1` with at most three digits. A malformed one counts as 1, as if it were left out. */
const QUALITY = /^q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*$/i;

/**
 * The form in which a caller wants to read an error, by its header `accept`. It is JSON unless the caller prefers
 * text. Without the header it is text, which Cloudstate's proxy sends. If both forms have the same quality, it is text
 * only if the header has a more specific media range for text.
 */
export function acceptedForm(accept: string | undefined): ErrorForm {
  if (accept === undefined) return "text";
  const qualities = readAccept(accept);
  const text = fit("text", qualities);
  const json = fit("json", qualities);
  if (text.quality !== json.quality) return text.quality > json.quality ? "text" : "json";
  return text.quality > 0 && text.rank < json.rank ? "text" : "json";
}

function fit(form: ErrorForm, qualities: ReadonlyMap<string, number>): { quality: number; rank: number } {
  const rank = RANGES[form].findIndex((range) => qualities.has(range));
  const quality = qualities.get(RANGES[form][rank] ?? "") ?? 0;
  return { quality, rank };
}

/** The quality of each media range. Parameters of the type itself, as a character set, do no harm. */
function readAccept(accept: string): ReadonlyMap<string, number> {
  const qualities = new Map<string, number>();
  for (const one of accept.split(",")) {
    const [range = "", ...parameters] = one.split(";").map((part) => part.trim().toLowerCase());
    const quality = parameters.map((parameter) => QUALITY.exec(parameter)?.[1]).find((q) => q !== undefined);
    const value = quality === undefined ? 1 : Number(quality);
    qualities.set(range, Math.max(value, qualities.get(range) ?? 0));
  }
  return qualities;
}
