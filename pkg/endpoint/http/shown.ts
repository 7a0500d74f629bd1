// SPDX-License-Identifier: Apache-2.0

/** A text from outside, shortened and free of control characters. */
export function shown(text: string): string {
  const printable = text.replace(/[^\x20-\x7e]/g, "?");
  return printable.length > 200 ? `${printable.slice(0, 200)}…` : printable;
}
