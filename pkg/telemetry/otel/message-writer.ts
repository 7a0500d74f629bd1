// SPDX-License-Identifier: Apache-2.0

import { SPAN_ID_BYTES, TRACE_ID_BYTES, writeSpanId, writeTraceId } from "../span-ids.ts";
import type { TraceContext } from "../telemetry.ts";

/** Wire types of protobuf. */
const VARINT = 0;
const BIT64 = 1;
const LENGTH = 2;
const BIT32 = 5;

const FIRST_BYTES = 16_384;

/** Longest text, in UTF-16 code units, that is copied here; a longer one is faster in Node's own code. */
const SHORT_TEXT = 64;

/** Bytes of the longest number. */
const MAX_VARINT = 10;

/** Bytes of the length of a message that is not short. */
const USUAL_LENGTH_BYTES = 2;

const MAX_UINT32 = 0xffff_ffff;

/**
 * Writes fields of protobuf into memory that is used again. Unlike `BinaryWriter` of protobuf-es it says how much was
 * written, and can take back the last of it. Methods take the number of the field first.
 */
export class MessageWriter {
  #bytes = Buffer.alloc(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** Bytes that have been written. */
  get length(): number {
    return this.#length;
  }

  /** Takes back what was written after there were so many bytes. */
  cutTo(length: number): void {
    this.#length = length;
  }

  /** A copy of what has been written, which is gone from here. */
  take(): Uint8Array {
    const taken = Buffer.allocUnsafeSlow(this.#length);
    this.#bytes.copy(taken, 0, 0, this.#length);
    this.#length = 0;
    return taken;
  }

  /** Begins a message of less than 128 bytes; a longer one costs a move. Gives what `end` takes. */
  begin(field: number): number {
    this.#tag(field, LENGTH, 1);
    return ++this.#length;
  }

  end(start: number): void {
    this.#end(start, 1);
  }

  /** As `begin`, for 128 to 16,383 bytes. Gives what `endLong` takes. */
  beginLong(field: number): number {
    this.#tag(field, LENGTH, USUAL_LENGTH_BYTES);
    this.#length += USUAL_LENGTH_BYTES;
    return this.#length;
  }

  endLong(start: number): void {
    this.#end(start, USUAL_LENGTH_BYTES);
  }

  /** Begins a message of a known size, which ends by itself. */
  sized(field: number, size: number): void {
    this.#tag(field, LENGTH, MAX_VARINT);
    this.#varint(size);
  }

  /** @param reserved bytes for the length of the message */
  #end(start: number, reserved: number): void {
    const size = this.#length - start;
    const more = varintBytes(size) - reserved;
    if (more !== 0) {
      this.#reserve(Math.max(more, 0));
      this.#bytes.copyWithin(start + more, start, this.#length);
    }
    this.#length = start - reserved;
    this.#varint(size);
    this.#length += size;
  }

  /** Fields that have been written elsewhere. */
  raw(fields: Uint8Array): void {
    this.#reserve(fields.length);
    this.#bytes.set(fields, this.#length);
    this.#length += fields.length;
  }

  /** At most 32 bits. */
  number(field: number, value: number): void {
    this.#tag(field, VARINT, MAX_VARINT);
    this.#varint(value);
  }

  /** A whole number of at most 64 bits, with its sign. */
  integer(field: number, value: number): void {
    if (value >= 0 && value <= MAX_UINT32) return this.number(field, value);
    this.#tag(field, VARINT, MAX_VARINT);
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest > 127n; rest >>= 7n) this.#bytes[this.#length++] = Number(rest & 127n) | 128;
    this.#bytes[this.#length++] = Number(rest);
  }

  double(field: number, value: number): void {
    this.#tag(field, BIT64, 8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  fixed32(field: number, value: number): void {
    this.#tag(field, BIT32, 4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  fixed64(field: number, high: number, low: number): void {
    this.#tag(field, BIT64, 8);
    this.#view.setUint32(this.#length, low, true);
    this.#view.setUint32(this.#length + 4, high, true);
    this.#length += 8;
  }

  /** @throws RangeError if the context's trace id is none */
  traceId(field: number, context: TraceContext): void {
    this.#tag(field, LENGTH, MAX_VARINT + TRACE_ID_BYTES);
    this.#varint(TRACE_ID_BYTES);
    writeTraceId(this.#bytes, this.#length, context);
    this.#length += TRACE_ID_BYTES;
  }

  /** @throws RangeError if the context's span id is none */
  spanId(field: number, context: TraceContext): void {
    this.#tag(field, LENGTH, MAX_VARINT + SPAN_ID_BYTES);
    this.#varint(SPAN_ID_BYTES);
    writeSpanId(this.#bytes, this.#length, context);
    this.#length += SPAN_ID_BYTES;
  }

  text(field: number, text: string): void {
    if (text.length <= SHORT_TEXT && this.#shortText(field, text)) return;
    const size = Buffer.byteLength(text);
    this.#tag(field, LENGTH, MAX_VARINT + size);
    this.#varint(size);
    this.#length += this.#bytes.write(text, this.#length);
  }

  /** False, with nothing written: the text has characters of several bytes. */
  #shortText(field: number, text: string): boolean {
    const before = this.#length;
    this.#tag(field, LENGTH, 1 + text.length);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = text.length;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) {
        this.#length = before;
        return false;
      }
      bytes[at++] = code;
    }
    this.#length = at;
    return true;
  }

  /** Makes room for a tag and what follows it, and writes the tag. */
  #tag(field: number, type: number, following: number): void {
    this.#reserve(MAX_VARINT + following);
    this.#varint((field << 3) | type);
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest > 127; rest >>>= 7) this.#bytes[this.#length++] = (rest & 127) | 128;
    this.#bytes[this.#length++] = rest;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.alloc(Math.max(2 * this.#bytes.length, needed));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

function varintBytes(value: number): number {
  let count = 1;
  for (let rest = value; rest > 127; rest >>>= 7) count++;
  return count;
}
