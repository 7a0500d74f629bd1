// SPDX-License-Identifier: Apache-2.0

import type { Writable } from "node:stream";

import { encodePrefix } from "../framing.ts";

/** Marks the frame that holds the trailers (grpc/grpc `doc/PROTOCOL-WEB.md`). */
const TRAILERS_FLAG = 0x80;

/** Trailers as the last frame of a body: lines of `name: value`, as HTTP/1.1 has them. */
export function encodeTrailers(fields: readonly string[]): Buffer {
  const lines: string[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) lines.push(`${fields[i]}: ${fields[i + 1]}\r\n`);
  const text = Buffer.from(lines.join(""), "latin1");
  const prefix = encodePrefix(text.length, false);
  prefix[0] = TRAILERS_FLAG;
  return Buffer.concat([prefix, text]);
}

/** Writes a message in base64. Each message is padded, so that the caller can decode it before the next one comes. */
export function writeTextMessage(stream: Writable, message: Uint8Array, compressed: boolean): boolean {
  const frame = Buffer.concat([encodePrefix(message.length, compressed), message]);
  return stream.write(frame.toString("base64"), "latin1");
}
