// SPDX-License-Identifier: Apache-2.0
// The few frames of HTTP/2 (RFC 9113) and fields of HPACK (RFC 7541) that a client of constant requests needs.

import { getPackedSettings } from "node:http2";

export const HEADER_BYTES = 9;

export const FrameType = { data: 0, headers: 1, resetStream: 3, settings: 4, ping: 6, goAway: 7 } as const;

export const END_STREAM = 0x1;
export const ACK = 0x1;
const END_HEADERS = 0x4;
const WINDOW_UPDATE = 8;

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
  const settings = getPackedSettings({ enablePush: false, initialWindowSize: MAX_WINDOW_BYTES });
  const window = Buffer.alloc(4);
  window.writeUInt32BE(MAX_WINDOW_BYTES - DEFAULT_WINDOW_BYTES, 0);
  return Buffer.concat([
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    frame(FrameType.settings, 0, 0, settings),
    frame(WINDOW_UPDATE, 0, 0, window),
  ]);
}

/** A whole gRPC request as a HEADERS and a DATA frame for stream 0. `requestOn` sets the real stream. */
export function requestTemplate(path: string, body: Uint8Array): Buffer {
  const headers = frame(FrameType.headers, END_HEADERS, 0, headerBlock(path));
  return Buffer.concat([headers, frame(FrameType.data, END_STREAM, 0, body)]);
}

/** A copy of the request for a stream. */
export function requestOn(streamId: number, template: Buffer): Buffer {
  const copy = Buffer.from(template);
  copy.writeUInt32BE(streamId, 5);
  const data = HEADER_BYTES + copy.readUIntBE(0, 3);
  copy.writeUInt32BE(streamId, data + 5);
  return copy;
}

/** Fields that refer to nothing but the static table, so that the bytes are the same in every request. */
function headerBlock(path: string): Buffer {
  // The static table has ":method: POST" and ":scheme: http" as a whole. Of ":authority", ":path" and "content-type"
  // it has only the names.
  return Buffer.concat([
    Buffer.from([0x83, 0x86, 0x01, ...text("127.0.0.1"), 0x04, ...text(path)]),
    Buffer.from([0x0f, 0x10, ...text("application/grpc+proto"), 0x00, ...text("te"), ...text("trailers")]),
  ]);
}

/** A text without Huffman coding, with a length of one byte. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  if (bytes.length > 126) throw new Error(`too long for a request of the benchmark: ${value}`);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}
