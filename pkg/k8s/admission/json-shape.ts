// SPDX-License-Identifier: Apache-2.0

/** Limits of a JSON text. */
export interface JsonLimits {
  /** How deep lists and objects may be nested. */
  readonly maxDepth: number;
  /** Lists, objects, commas and colons: nearly as many as keys and values. */
  readonly maxValues: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Counts the depth and the values of a JSON text while its bytes arrive, before it is parsed, because a value of two
 * bytes takes sixty and more in the heap. It does not check the syntax. The parser builds no more than was counted of
 * an invalid text either, because it stops at the first invalid byte.
 */
export class JsonShape {
  readonly #limits: JsonLimits;
  #depth = 0;
  #values = 0;
  #isInText = false;
  #isEscaped = false;

  constructor(limits: JsonLimits) {
    this.#limits = limits;
  }

  /** Counts the next bytes. @returns the limit that they exceed, or undefined. */
  add(bytes: Uint8Array): "depth" | "values" | undefined {
    const { maxDepth, maxValues } = this.#limits;
    let [depth, values, isInText, isEscaped] = [this.#depth, this.#values, this.#isInText, this.#isEscaped];
    for (const byte of bytes) {
      if (isInText) {
        if (isEscaped) isEscaped = false;
        else if (byte === BACKSLASH) isEscaped = true;
        else if (byte === QUOTE) isInText = false;
      } else if (byte === QUOTE) {
        isInText = true;
      } else if (byte === COMMA || byte === COLON) {
        if (++values > maxValues) return "values";
      } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
        if (++values > maxValues) return "values";
        if (++depth > maxDepth) return "depth";
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
        depth -= 1;
      }
    }
    [this.#depth, this.#values, this.#isInText, this.#isEscaped] = [depth, values, isInText, isEscaped];
    return undefined;
  }
}
