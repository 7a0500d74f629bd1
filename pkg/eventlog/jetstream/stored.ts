// SPDX-License-Identifier: Apache-2.0

import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";

import type { EntityKey, Position } from "../event-log.ts";
import { EventLogError } from "../event-log.ts";
import { nameOf } from "../limits.ts";
import type { Mark } from "./author.ts";
import { fromToken } from "./subjects.ts";

/**
 * The format of a message of the log:
 *
 *     version, 1 byte, 1 · author, 8 · count, 6 · length of the key, 4 · key · bytes · checksum, 4
 *
 * Numbers are big-endian. The key is the JSON of type and id, which can hold any string. It is there only if it
 * cannot be read back from the subject (length 0 otherwise). The checksum is the CRC-32 of the subject without the
 * log's prefix and of all bytes before the checksum. So a message that was changed, or that belongs to another
 * entity, is recognised without reading its neighbours.
 */
export interface Stored {
  readonly mark: Mark;
  readonly key: EntityKey | undefined;
  readonly bytes: Uint8Array;
}

/** Where a message was found. */
export interface Origin {
  readonly stream: string;
  readonly sequence: Position;
  readonly subject: string;
}

const VERSION = 1;
const COUNT_BYTES = 6;
const HEAD_BYTES = 19;
const CHECKSUM_BYTES = 4;
const NO_BYTES = new Uint8Array();

/** What to do about a history that is not whole. */
export const RECOVERY = "Restore the stream from a backup; other entities are not concerned";

/** Bytes that a message adds to an entity's record, unless its key is too long for a subject. */
export const ENVELOPE_BYTES = HEAD_BYTES + CHECKSUM_BYTES;

export function encodeStored({ mark, key, bytes }: Stored, subject: string): Uint8Array {
  const keyBytes = key === undefined ? NO_BYTES : Buffer.from(JSON.stringify([key.type, key.id]));
  const keyLength = keyBytes.byteLength;
  const end = HEAD_BYTES + keyLength + bytes.byteLength;
  const encoded = Buffer.allocUnsafe(end + CHECKSUM_BYTES);
  // A DataView writes a bigint several times as fast as a Buffer does.
  const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  view.setUint8(0, VERSION);
  view.setBigUint64(1, mark.author);
  view.setUint16(9, Math.floor(mark.count / 2 ** 32));
  view.setUint32(11, mark.count % 2 ** 32);
  view.setUint32(15, keyLength);
  encoded.set(keyBytes, HEAD_BYTES);
  encoded.set(bytes, HEAD_BYTES + keyLength);
  view.setUint32(end, checksum(encoded.subarray(0, end), subject));
  return encoded;
}

/** The bytes are a copy, so that they hold no received chunk. @throws EventLogError `LOG_TOO_NEW`, `LOG_CORRUPT` */
export function decodeStored(data: Uint8Array, origin: Origin): Stored {
  const view = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (view.length > 0 && view.readUInt8(0) > VERSION) {
    const text = `${describeOrigin(origin)}: written by a newer Perdure (format ${view.readUInt8(0)}); run that one`;
    throw new EventLogError("LOG_TOO_NEW", text);
  }
  const end = view.length - CHECKSUM_BYTES;
  if (end < HEAD_BYTES || view.readUInt8(0) !== VERSION) throw damaged(origin);
  if (view.readUInt32BE(end) !== checksum(view.subarray(0, end), origin.subject)) throw damaged(origin);
  const keyEnd = HEAD_BYTES + view.readUInt32BE(15);
  if (keyEnd > end) throw damaged(origin);
  return {
    mark: { author: view.readBigUInt64BE(1), count: view.readUIntBE(9, COUNT_BYTES) },
    key: keyEnd === HEAD_BYTES ? undefined : decodeKey(view.toString("utf8", HEAD_BYTES, keyEnd), origin),
    bytes: new Uint8Array(view.subarray(keyEnd, end)),
  };
}

/** The entity and the place of its message, for people. */
export function describeOrigin({ stream, sequence, subject }: Origin): string {
  const [type = "", id = ""] = subject
    .split(".")
    .slice(-2)
    .map((token) => fromToken(token) ?? token);
  return `${nameOf({ type, id })}: stream ${stream}, sequence ${sequence}`;
}

function checksum(data: Uint8Array, subject: string): number {
  return crc32(data, crc32(subject.slice(subject.indexOf(".") + 1)));
}

function decodeKey(json: string, origin: Origin): EntityKey {
  try {
    const parsed: unknown = JSON.parse(json);
    if (Array.isArray(parsed)) {
      const [type, id] = parsed as readonly unknown[];
      if (typeof type === "string" && typeof id === "string") return { type, id };
    }
  } catch (thrown) {
    throw damaged(origin, thrown);
  }
  throw damaged(origin);
}

function damaged(origin: Origin, cause?: unknown): EventLogError {
  const text = `${describeOrigin(origin)}: the message is damaged or none of Perdure's. ${RECOVERY}`;
  return new EventLogError("LOG_CORRUPT", text, { cause });
}
