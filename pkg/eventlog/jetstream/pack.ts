// SPDX-License-Identifier: Apache-2.0

import { Buffer } from "node:buffer";

import type { LogRecord, Position } from "../event-log.ts";
import { EventLogError, NO_POSITION } from "../event-log.ts";

/**
 * The contents of a message of a snapshot stream: the entity's newest snapshot, if it has one, and copies of some of
 * its records, the first ones after the snapshot. Losing a pack costs time only.
 *
 *     1, if there is a snapshot, else 0 · its position, 8 · its length, 4 · its bytes
 *     for each record: position, 8 · length, 4 · bytes
 *
 * Numbers are big-endian. Around it is the envelope of all messages (`stored.ts`).
 */
export interface Pack {
  readonly snapshot: LogRecord | undefined;
  /** In ascending order of position; none of the entity's records is missing in between. */
  readonly records: readonly LogRecord[];
}

export const EMPTY_PACK: Pack = { snapshot: undefined, records: [] };

const FRAME_BYTES = 12;

/** The newest record that is in the pack, or that its snapshot stands for. */
export function endOf({ snapshot, records }: Pack): Position {
  return records.at(-1)?.position ?? snapshot?.position ?? NO_POSITION;
}

export function sizeOf({ snapshot, records }: Pack): number {
  return records.reduce((size, { bytes }) => size + FRAME_BYTES + bytes.byteLength, 1 + frameBytes(snapshot));
}

export function encodePack(pack: Pack): Uint8Array {
  const encoded = Buffer.allocUnsafe(sizeOf(pack));
  let end = encoded.writeUInt8(pack.snapshot === undefined ? 0 : 1);
  for (const { position, bytes } of [pack.snapshot ?? NO_SNAPSHOT, ...pack.records]) {
    end = encoded.writeBigUInt64BE(BigInt(position), end);
    end = encoded.writeUInt32BE(bytes.byteLength, end);
    encoded.set(bytes, end);
    end += bytes.byteLength;
  }
  return encoded;
}

const NO_SNAPSHOT: LogRecord = { position: NO_POSITION, bytes: new Uint8Array() };

/** @throws EventLogError `LOG_CORRUPT` if that is no pack. */
export function decodePack(encoded: Uint8Array): Pack {
  const view = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  const records: LogRecord[] = [];
  let at = 1;
  while (at < view.length) {
    if (at + FRAME_BYTES > view.length) throw noPack();
    const position = Number(view.readBigUInt64BE(at));
    const begin = at + FRAME_BYTES;
    at = begin + view.readUInt32BE(at + 8);
    if (at > view.length || position <= (records.at(-1)?.position ?? -1)) throw noPack();
    // The bytes of each record are a separate copy, because they belong to the caller.
    records.push({ position, bytes: new Uint8Array(view.subarray(begin, at)) });
  }
  const snapshot = records.shift();
  if (snapshot === undefined) throw noPack();
  return { snapshot: view[0] === 1 ? snapshot : undefined, records };
}

function frameBytes(snapshot: LogRecord | undefined): number {
  return FRAME_BYTES + (snapshot?.bytes.byteLength ?? 0);
}

function noPack(): EventLogError {
  return new EventLogError("LOG_CORRUPT", "the message is no pack");
}
