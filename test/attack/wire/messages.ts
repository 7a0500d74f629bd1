// SPDX-License-Identifier: Apache-2.0

/** What the attacks send, as JSON and as protobuf. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { create, toBinary } from "@bufbuild/protobuf";

import { BookRequestSchema, LetterSchema } from "../target/gen/perdure/test/attack/target_pb.ts";

/**
 * A little less than the proxy's default limit (`--max-request-bytes`), so that the size is not the reason for a
 * refusal.
 */
export const LARGE_BYTES = 12_000_000;

export type Letter = MessageInitShape<typeof LetterSchema>;
export type BookRequest = MessageInitShape<typeof BookRequestSchema>;

export function letterBytes(letter: Letter): Uint8Array {
  return toBinary(LetterSchema, create(LetterSchema, letter));
}

export function bookRequestBytes(request: BookRequest): Uint8Array {
  return toBinary(BookRequestSchema, create(BookRequestSchema, request));
}

/** `{"name":[[[…`: nested arrays, in this many bytes altogether. */
export function deepJson(bytes: number): Buffer {
  const head = Buffer.from('{"name":');
  return Buffer.concat([head, Buffer.alloc(bytes - head.length, "[")]);
}

/** JSON with a repeated field of `count` empty messages. */
export function manyMessagesJson(count: number): Buffer {
  return Buffer.from(`{"pages":[${"{},".repeat(count - 1)}{}]}`);
}

/** JSON with `count` fields that no message has. */
export function unknownKeysJson(count: number): Buffer {
  return Buffer.from(`{${Array.from({ length: count }, (_, index) => `"k${index}":0`).join(",")}}`);
}

/** A message of `count` fields that no message has: each is a number of one byte, and two bytes. */
export function unknownFieldsBytes(count: number): Buffer {
  return Buffer.alloc(2 * count, Buffer.from([0x78, 0]));
}

/** A `Form` without an id, and with `count` empty lines of two bytes each. */
export function emptyLinesBytes(count: number): Buffer {
  return Buffer.alloc(2 * count, Buffer.from([0x12, 0]));
}
