// SPDX-License-Identifier: Apache-2.0

import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { AnySchema } from "@bufbuild/protobuf/wkt";

import { MetadataEntrySchema, MetadataSchema } from "./gen/cloudstate/entity_pb.ts";
import type { Metadata } from "./metadata.ts";

/** A writer keeps the memory of its largest message. After a message larger than this, in bytes, it is dropped. */
const MAX_KEPT_BYTES = 65_536;

/** The writer for the next message; undefined while it is in use. */
let spare: BinaryWriter | undefined;

/**
 * Encodes a message whose fields `write` writes, in the order of their numbers.
 *
 * It is for the few messages that every command needs. `toBinary` takes new memory for each message, and again
 * whenever the message outgrows it: four pieces for a message of 300 bytes, which cost more than its encoding. Here the
 * memory is used again, and only the result is new.
 */
export function writeMessage(write: (writer: BinaryWriter) => void): Uint8Array<ArrayBuffer> {
  const writer = spare ?? new BinaryWriter();
  // If `write` throws, the writer is left with a part of a message, and is dropped.
  spare = undefined;
  write(writer);
  const message = writer.finish();
  if (message.length <= MAX_KEPT_BYTES) spare = writer;
  return message;
}

/** The bytes of a field with a text, for a text that many messages have. */
export function encodedText(field: number, text: string): Uint8Array {
  return new BinaryWriter().tag(field, WireType.LengthDelimited).string(text).finish();
}

const { typeUrl: TYPE_URL, value: VALUE } = AnySchema.field;

/** The bytes of the type in an `Any`, for `writeAny`. */
export function encodedTypeUrl(typeUrl: string): Uint8Array {
  return encodedText(TYPE_URL.number, typeUrl);
}

/** Writes a field that holds an `Any`. @param typeUrl the text, or what `encodedTypeUrl` made of it. */
export function writeAny(
  writer: BinaryWriter,
  field: number,
  typeUrl: string | Uint8Array,
  value: Uint8Array,
): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  if (typeof typeUrl !== "string") writer.raw(typeUrl);
  else if (typeUrl !== "") writer.tag(TYPE_URL.number, WireType.LengthDelimited).string(typeUrl);
  if (value.length > 0) writer.tag(VALUE.number, WireType.LengthDelimited).bytes(value);
  writer.join();
}

const { entries: ENTRIES } = MetadataSchema.field;
const { key: KEY, stringValue: STRING_VALUE, bytesValue: BYTES_VALUE } = MetadataEntrySchema.field;

/** Writes a field that holds metadata. */
export function writeMetadata(writer: BinaryWriter, field: number, metadata: Metadata): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  for (const { key, value } of metadata) {
    writer.tag(ENTRIES.number, WireType.LengthDelimited).fork();
    if (key !== "") writer.tag(KEY.number, WireType.LengthDelimited).string(key);
    if (typeof value === "string") writer.tag(STRING_VALUE.number, WireType.LengthDelimited).string(value);
    else writer.tag(BYTES_VALUE.number, WireType.LengthDelimited).bytes(value);
    writer.join();
  }
  writer.join();
}
