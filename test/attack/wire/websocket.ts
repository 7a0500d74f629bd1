// SPDX-License-Identifier: Apache-2.0

/** The bytes of a WebSocket's client (RFC 6455). */

/** The request for a WebSocket to a streamed method. Its messages are JSON if no subprotocol is asked for. */
export function upgradeRequest(path: string, subprotocol?: "perdure.proto"): Buffer {
  const protocol = subprotocol === undefined ? "" : `sec-websocket-protocol: ${subprotocol}\r\n`;
  return Buffer.from(
    `GET ${path} HTTP/1.1\r\nhost: attack\r\nconnection: upgrade\r\nupgrade: websocket\r\n${protocol}` +
      "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
  );
}

/** The largest payload whose length fits into the first two bytes of a frame. */
const SHORT = 125;
const LONG_LENGTH = 127;
const MASKED = 0x80;
const FINAL_TEXT = 0x81;
const FINAL_BINARY = 0x82;

/** A text frame, masked with zeros. `length` is the length in its head. It may be more than the bytes that follow. */
export function textFrame(payload: Uint8Array, length = payload.length): Buffer {
  return frame(FINAL_TEXT, payload, length);
}

/** A binary frame, masked with zeros. */
export function binaryFrame(payload: Uint8Array): Buffer {
  return frame(FINAL_BINARY, payload, payload.length);
}

function frame(first: number, payload: Uint8Array, length: number): Buffer {
  const isShort = length <= SHORT;
  const head = Buffer.alloc(isShort ? 6 : 14);
  head[0] = first;
  head[1] = MASKED | (isShort ? length : LONG_LENGTH);
  if (!isShort) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}
