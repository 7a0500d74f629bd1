// SPDX-License-Identifier: Apache-2.0

/** Enough to recognise a text, and little to send back. */
const MAX_SHOWN_CHARS = 200;

/** Enough to find a value or a name in a request. */
const MAX_QUOTED_CHARS = 80;

/** A text from outside, shortened and free of control characters. */
export function shown(text: string): string {
  const printable = text.replace(/[^\x20-\x7e]/g, "?");
  return printable.length > MAX_SHOWN_CHARS ? `${printable.slice(0, MAX_SHOWN_CHARS)}…` : printable;
}

/** A value or a name from outside, shortened, as a JSON text. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTED_CHARS ? `${text.slice(0, MAX_QUOTED_CHARS)}…` : text);
}
