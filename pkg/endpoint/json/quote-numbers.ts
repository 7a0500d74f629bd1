// SPDX-License-Identifier: Apache-2.0

const QUOTE = 0x22;
const PLUS = 0x2b;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const BACKSLASH = 0x5c;
const E = 0x45;
const SMALL_E = 0x65;

/** The JSON text with each number in quotes, digit by digit as it was written. */
export function quoteNumbers(text: string): string {
  const pieces: string[] = [];
  let copied = 0;
  let at = 0;
  while (at < text.length) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) at = endOfText(text, at + 1);
    else if (unit === MINUS || (unit >= ZERO && unit <= NINE)) {
      const end = endOfNumber(text, at + 1);
      pieces.push(text.slice(copied, at), '"', text.slice(at, end), '"');
      copied = at = end;
    } else at++;
  }
  pieces.push(text.slice(copied));
  return pieces.join("");
}

function endOfText(text: string, start: number): number {
  for (let at = start; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) return at + 1;
    if (unit === BACKSLASH) at++;
  }
  return text.length;
}

function endOfNumber(text: string, start: number): number {
  let at = start;
  while (at < text.length && isOfNumber(text.charCodeAt(at))) at++;
  return at;
}

function isOfNumber(unit: number): boolean {
  if (unit >= ZERO && unit <= NINE) return true;
  return unit === DOT || unit === E || unit === SMALL_E || unit === PLUS || unit === MINUS;
}
