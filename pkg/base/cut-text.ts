// SPDX-License-Identifier: Apache-2.0

/** A text that others sent, for people: its beginning, and how much more there was, if it is longer than may be. */
export function cutText(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  // Half a character at the cut would be no text.
  const end = /[\uD800-\uDBFF]$/.test(text.slice(0, maxLength)) ? maxLength - 1 : maxLength;
  return `${text.slice(0, end)}… (${text.length - end} more characters)`;
}
