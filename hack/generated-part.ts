// SPDX-License-Identifier: Apache-2.0

const END = "<!-- The end of what it writes. -->";

/**
 * Returns the page of the documentation with a part replaced that a program writes.
 *
 * @param begin the comment before the part; behind the part is one that is the same for all.
 * @throws Error if the page lacks one of the two.
 */
export function replacePart(page: string, begin: string, part: string): string {
  const at = page.indexOf(begin);
  const end = page.indexOf(END, at);
  if (at === -1 || end === -1) throw new Error(`the page has no ${begin} with ${END} behind it`);
  return `${page.slice(0, at)}${begin}\n\n${part.trimEnd()}\n\n${page.slice(end)}`;
}
