// SPDX-License-Identifier: Apache-2.0

/** Replaces control characters and cuts the text, because a caller chose it and a terminal may obey it. */
export function shownText(text: string, max: number): string {
  const printable = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
  return printable.length > max ? `${printable.slice(0, max)}…` : printable;
}
