// SPDX-License-Identifier: Apache-2.0

/**
 * The ids of spans, as the numbers that they are made of. Most ids are only ever written, as bytes or as digits, into
 * memory that is there already: a text for each of them would be garbage, and its making most of what a span costs.
 */

import type { Random } from "../base/mod.ts";

import type { TraceContext } from "./telemetry.ts";

export const TRACE_ID_BYTES = 16;
export const SPAN_ID_BYTES = 8;

/** A context whose ids become texts when somebody reads them. */
export class NumberedContext implements TraceContext {
  readonly #trace0: number;
  readonly #trace1: number;
  readonly #trace2: number;
  readonly #trace3: number;
  readonly #span0: number;
  readonly #span1: number;
  /** Decided once, before anybody else has the context. */
  isSampled = true;
  readonly hasRandomId: boolean | undefined;
  readonly state: string | undefined;

  /**
   * @param parent the span is in its trace; undefined, or with a trace id that is none: it begins one
   */
  constructor(random: Random, parent: TraceContext | undefined) {
    if (parent instanceof NumberedContext) {
      this.#trace0 = parent.#trace0;
      this.#trace1 = parent.#trace1;
      this.#trace2 = parent.#trace2;
      this.#trace3 = parent.#trace3;
    } else if (parent !== undefined && readHex(scratch, 0, parent.traceId, TRACE_ID_BYTES)) {
      this.#trace0 = scratch.readInt32BE(0);
      this.#trace1 = scratch.readInt32BE(4);
      this.#trace2 = scratch.readInt32BE(8);
      this.#trace3 = scratch.readInt32BE(12);
    } else {
      this.#trace0 = word(random);
      this.#trace1 = word(random);
      this.#trace2 = word(random);
      // Ids of zeros only are invalid.
      this.#trace3 = word(random) || 1;
    }
    // Ours are random as W3C Trace Context level 2 wants it.
    this.hasRandomId = parent === undefined ? true : parent.hasRandomId;
    this.state = parent?.state;
    this.#span0 = word(random);
    this.#span1 = word(random) || 1;
  }

  get traceId(): string {
    this.writeTraceId(scratch, 0);
    return scratch.toString("hex", 0, TRACE_ID_BYTES);
  }

  get spanId(): string {
    this.writeSpanId(scratch, 0);
    return scratch.toString("hex", 0, SPAN_ID_BYTES);
  }

  writeTraceId(target: Uint8Array, at: number): void {
    writeWord(target, at, this.#trace0);
    writeWord(target, at + 4, this.#trace1);
    writeWord(target, at + 8, this.#trace2);
    writeWord(target, at + 12, this.#trace3);
  }

  writeSpanId(target: Uint8Array, at: number): void {
    writeWord(target, at, this.#span0);
    writeWord(target, at + 4, this.#span1);
  }
}

/** Writes a trace id as its 16 bytes. @throws RangeError if it is none */
export function writeTraceId(target: Uint8Array, at: number, context: TraceContext): void {
  if (context instanceof NumberedContext) context.writeTraceId(target, at);
  else writeHex(target, at, context.traceId, TRACE_ID_BYTES);
}

/** Writes a span id as its 8 bytes. @throws RangeError if it is none */
export function writeSpanId(target: Uint8Array, at: number, context: TraceContext): void {
  if (context instanceof NumberedContext) context.writeSpanId(target, at);
  else writeHex(target, at, context.spanId, SPAN_ID_BYTES);
}

/** Writes both ids as their digits in ASCII, with a hyphen in between. @throws RangeError if one of them is none */
export function writeIdDigits(target: Uint8Array, at: number, context: TraceContext): void {
  writeTraceId(scratch, 0, context);
  writeDigits(target, at, TRACE_ID_BYTES);
  target[at + 2 * TRACE_ID_BYTES] = HYPHEN;
  writeSpanId(scratch, 0, context);
  writeDigits(target, at + 2 * TRACE_ID_BYTES + 1, SPAN_ID_BYTES);
}

/** Writes the first bytes of `scratch` as twice as many digits. */
function writeDigits(target: Uint8Array, at: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const byte = scratch[i] as number;
    target[at + 2 * i] = DIGITS[byte >> 4] as number;
    target[at + 2 * i + 1] = DIGITS[byte & 15] as number;
  }
}

const HYPHEN = 45;
const DIGITS = Buffer.from("0123456789abcdef");

/** Where ids change their form. It is used again, because every span has ids. */
const scratch = Buffer.alloc(TRACE_ID_BYTES);

/** 32 bits, with a sign: V8 keeps such a number where the reference to a larger one would be. */
function word(random: Random): number {
  return (random() * 2 ** 32) | 0;
}

function writeWord(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}

function writeHex(target: Uint8Array, at: number, digits: string, size: number): void {
  if (!readHex(target, at, digits, size))
    throw new RangeError(`not ${size} bytes in hexadecimal digits: ${digits}`);
}

/** False: they are not digits of so many bytes, of which some may have been written. */
function readHex(target: Uint8Array, at: number, digits: string, size: number): boolean {
  if (digits.length !== 2 * size) return false;
  for (let i = 0; i < size; i++) {
    const byte = (digit(digits.charCodeAt(2 * i)) << 4) | digit(digits.charCodeAt(2 * i + 1));
    if (byte < 0) return false;
    target[at + i] = byte;
  }
  return true;
}

/** Negative: it is none. */
function digit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const small = code | 32;
  return small >= 97 && small <= 102 ? small - 87 : -1;
}
