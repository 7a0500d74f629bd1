// SPDX-License-Identifier: Apache-2.0

import { Buffer } from "node:buffer";

import { EventLogError } from "../event-log.ts";
import type { EntityKey, Position } from "../event-log.ts";

/**
 * What stands in a message of the log:
 *
 *     version, 1 byte, 1 · length of the key, 4 bytes · position, 8 bytes · key · bytes
 *
 * Numbers are big-endian. The key is there if the subject does not tell it (length 0 otherwise): the JSON of type and
 * id, which can hold any string. The position is that of a snapshot; of a record it is 0, as the stream knows it.
 */
export interface Stored {
  readonly key: EntityKey | undefined;
  readonly position: Position;
  readonly bytes: Uint8Array;
}

const VERSION = 1;
const HEAD_BYTES = 13;

export function encodeStored({ key, position, bytes }: Stored): Uint8Array {
  const keyBytes = key === undefined ? "" : JSON.stringify([key.type, key.id]);
  const keyLength = Buffer.byteLength(keyBytes);
  const encoded = Buffer.alloc(HEAD_BYTES + keyLength + bytes.byteLength);
  encoded.writeUInt8(VERSION, 0);
  encoded.writeUInt32BE(keyLength, 1);
  encoded.writeBigUInt64BE(BigInt(position), 5);
  encoded.write(keyBytes, HEAD_BYTES);
  encoded.set(bytes, HEAD_BYTES + keyLength);
  return encoded;
}

/**
 * The bytes are a copy, so that they hold no received chunk in memory.
 *
 * @param where Stream and sequence, for the text of an error.
 * @throws EventLogError `LOG_TOO_NEW`, `LOG_CORRUPT`
 */
export function decodeStored(data: Uint8Array, where: string): Stored {
  const view = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (view.length > 0 && view.readUInt8(0) > VERSION) {
    const text = `${where}: written by a newer Perdure (format ${view.readUInt8(0)}); run that one`;
    throw new EventLogError("LOG_TOO_NEW", text);
  }
  if (view.length < HEAD_BYTES || view.readUInt8(0) !== VERSION) throw notOurs(where);
  const keyEnd = HEAD_BYTES + view.readUInt32BE(1);
  const position = view.readBigUInt64BE(5);
  if (keyEnd > view.length || position > Number.MAX_SAFE_INTEGER) throw notOurs(where);
  const key = keyEnd === HEAD_BYTES ? undefined : decodeKey(view.toString("utf8", HEAD_BYTES, keyEnd), where);
  return { key, position: Number(position), bytes: new Uint8Array(view.subarray(keyEnd)) };
}

function decodeKey(json: string, where: string): EntityKey {
  try {
    const parsed: unknown = JSON.parse(json);
    if (Array.isArray(parsed)) {
      const [type, id] = parsed as readonly unknown[];
      if (typeof type === "string" && typeof id === "string") return { type, id };
    }
  } catch (thrown) {
    throw notOurs(where, thrown);
  }
  throw notOurs(where);
}

function notOurs(where: string, cause?: unknown): EventLogError {
  const text = `${where}: the message is damaged or none of Perdure's; restore the stream from a backup`;
  return new EventLogError("LOG_CORRUPT", text, { cause });
}
