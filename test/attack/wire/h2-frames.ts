// SPDX-License-Identifier: Apache-2.0

/**
 * The frames of HTTP/2 (RFC 9113) and header blocks of HPACK (RFC 7541) as bytes, because Node's own client refuses to
 * send what an attacker sends.
 */

export const FRAME = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  continuation: 9,
} as const;

export const FLAG = { none: 0, endStream: 1, endHeaders: 4 } as const;
const PREFACE: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
export const CANCEL: Buffer = Buffer.from([0, 0, 0, 8]);

const HEAD_BYTES = 9;
const INITIAL_WINDOW_SIZE = 4;
/** In HPACK's integers with a prefix of seven bits. */
const PREFIX_MAX = 127;

export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes.writeUInt8(type, 3);
  bytes.writeUInt8(flags, 4);
  bytes.writeUInt32BE(streamId, 5);
  bytes.set(payload, HEAD_BYTES);
  return bytes;
}

/** The bytes that a client sends first. With a window of 0 the server may send headers, but no body. */
export function opening(windowBytes?: number): Buffer {
  const settings = Buffer.alloc(windowBytes === undefined ? 0 : 6);
  if (windowBytes !== undefined) {
    settings.writeUInt16BE(INITIAL_WINDOW_SIZE, 0);
    settings.writeUInt32BE(windowBytes, 2);
  }
  return Buffer.concat([PREFACE, frame(FRAME.settings, FLAG.none, 0, settings)]);
}

/**
 * Encodes header fields as literals without indexing (RFC 7541, 6.2.2), so that a block has the same bytes on every
 * connection.
 */
export function headerBlock(fields: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(
    Object.entries(fields).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]),
  );
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([length(bytes.length), bytes]);
}

/** RFC 7541, 5.1. */
function length(value: number): Buffer {
  if (value < PREFIX_MAX) return Buffer.from([value]);
  const bytes = [PREFIX_MAX];
  let rest = value - PREFIX_MAX;
  for (; rest > 127; rest = rest >>> 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

/** The head of a received frame. The payload is left out, because the proxy's replies are only counted. */
export interface FrameHead {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
}

/** Finds the frames in the received bytes, however these are cut into chunks. */
export class FrameReader {
  #head = Buffer.alloc(0);
  /** Bytes of the last frame's payload that are still to come. */
  #left = 0;

  push(chunk: Uint8Array): FrameHead[] {
    const found: FrameHead[] = [];
    let at = 0;
    while (at < chunk.length) {
      const skipped = Math.min(this.#left, chunk.length - at);
      this.#left -= skipped;
      at += skipped;
      if (this.#left > 0) break;
      const taken = chunk.subarray(at, at + HEAD_BYTES - this.#head.length);
      at += taken.length;
      this.#head = Buffer.concat([this.#head, taken]);
      if (this.#head.length < HEAD_BYTES) break;
      found.push({
        type: this.#head.readUInt8(3),
        flags: this.#head.readUInt8(4),
        streamId: this.#head.readUInt32BE(5),
      });
      this.#left = this.#head.readUIntBE(0, 3);
      this.#head = Buffer.alloc(0);
    }
    return found;
  }
}
