// SPDX-License-Identifier: Apache-2.0
// The few frames of HTTP/2 (RFC 9113) and fields of HPACK (RFC 7541) that a client of constant requests needs.

export const HEADER_BYTES = 9;

export const FrameType = { data: 0, headers: 1, resetStream: 3, settings: 4, ping: 6, goAway: 7 } as const;

export const END_STREAM = 0x1;
export const ACK = 0x1;
const END_HEADERS = 0x4;
const WINDOW_UPDATE = 8;

const ENABLE_PUSH = 2;
const INITIAL_WINDOW_SIZE = 4;
const MAX_WINDOW_BYTES = 2 ** 31 - 1;
const DEFAULT_WINDOW_BYTES = 65_535;

export function frame(type: number, flags: number, streamId: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes.writeUInt8(type, 3);
  bytes.writeUInt8(flags, 4);
  bytes.writeUInt32BE(streamId, 5);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/** The first bytes that a client sends. Its windows are so large that it never has to update them. */
export function clientPreface(): Buffer {
  const settings = Buffer.alloc(12);
  settings.writeUInt16BE(ENABLE_PUSH, 0);
  settings.writeUInt16BE(INITIAL_WINDOW_SIZE, 6);
  settings.writeUInt32BE(MAX_WINDOW_BYTES, 8);
  const window = Buffer.alloc(4);
  window.writeUInt32BE(MAX_WINDOW_BYTES - DEFAULT_WINDOW_BYTES, 0);
  return Buffer.concat([
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    frame(FrameType.settings, 0, 0, settings),
    frame(WINDOW_UPDATE, 0, 0, window),
  ]);
}

/** A whole gRPC request as HEADERS and DATA frames for stream 0. `requestOn` sets the real stream. */
export function requestTemplate(authority: string, path: string, body: Uint8Array): RequestTemplate {
  const headers = frame(FrameType.headers, END_HEADERS, 0, headerBlock(authority, path));
  const bytes = Buffer.concat([headers, frame(FrameType.data, END_STREAM, 0, body)]);
  return { bytes, dataOffset: headers.length };
}

export interface RequestTemplate {
  readonly bytes: Buffer;
  /** Where the DATA frame begins. */
  readonly dataOffset: number;
}

/** A copy of the request for a stream. */
export function requestOn(streamId: number, { bytes, dataOffset }: RequestTemplate): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt32BE(streamId, 5);
  copy.writeUInt32BE(streamId, dataOffset + 5);
  return copy;
}

/** Fields that refer to nothing but the static table, so that the bytes are the same in every request. */
function headerBlock(authority: string, path: string): Buffer {
  return Buffer.concat([
    // The static table has ":method: POST" and ":scheme: http" as a whole. Of ":authority", ":path" and
    // "content-type" it has only the names.
    Buffer.from([0x83, 0x86, 0x01]),
    text(authority),
    Buffer.from([0x04]),
    text(path),
    Buffer.from([0x0f, 0x10]),
    text("application/grpc+proto"),
    Buffer.from([0x00]),
    text("te"),
    text("trailers"),
  ]);
}

/** A text without Huffman coding, with a length of one byte. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  if (bytes.length > 126) throw new Error(`too long for a request of the benchmark: ${value}`);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}
