// SPDX-License-Identifier: Apache-2.0

/**
 * Cuts a text from outside after `maxLength` UTF-16 code units, for people to read, and appends how many were left
 * out. A shorter text is returned unchanged.
 */
export function cutText(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  // Never cut a surrogate pair, because half a character is not valid text.
  const end = /[\uD800-\uDBFF]$/.test(text.slice(0, maxLength)) ? maxLength - 1 : maxLength;
  return `${text.slice(0, end)}… (${text.length - end} more characters)`;
}
