// SPDX-License-Identifier: Apache-2.0

import { Buffer } from "node:buffer";
import * as fs from "node:fs";

import { isFileError } from "./sqlite-error.ts";

/**
 * The contents of a write-ahead log, read without SQLite, which would change it (sqlite.org/fileformat2.html §4,
 * sqlite.org/walformat.html §2): a header and frames, one for each page that a transaction wrote, the last with a mark.
 * Each frame since the log was last restarted has the two salts of the header; older frames may follow. Each frame
 * carries a checksum of everything from the header on.
 */
export interface WalContents {
  readonly header: "absent" | "sound" | "damaged";
  /** Empty unless the header is sound. */
  readonly salts: string;
  readonly frameBytes: number;
  /** Frames up to the end of the last transaction that is whole; SQLite would keep these and drop the others. */
  readonly soundFrames: number;
  /** Frames with the header's salts after the first one that is not sound. */
  readonly laterFrames: number;
  /** Of these, frames after one that ends a transaction. */
  readonly laterTransactionFrames: number;
}

/** The contents of the index (`-shm`). SQLite writes it after each commit, and never syncs it. */
export interface WalIndex {
  readonly salts: string;
  /** Frames of the transactions that were committed. */
  readonly frames: number;
  /** Of these, frames whose pages have been copied to the database file and synced. */
  readonly movedFrames: number;
}

export const WAL_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const MAGIC = 0x377f0682;
const WAL_VERSION = 3_007_000;
const CHUNK_BYTES = 1024 * 1024;

const NO_FRAMES = { salts: "", frameBytes: 0, soundFrames: 0, laterFrames: 0, laterTransactionFrames: 0 };

export function readWal(path: string): WalContents {
  const file = openIfThere(path);
  if (file === undefined) return { header: "absent", ...NO_FRAMES };
  try {
    const header = readAt(file, 0, WAL_HEADER_BYTES);
    if (header.every((byte) => byte === 0)) {
      return { header: isAllZeros(file) ? "absent" : "damaged", ...NO_FRAMES };
    }
    const scan = beginScan(header);
    return scan === undefined ? { header: "damaged", ...NO_FRAMES } : scanFrames(file, scan);
  } finally {
    fs.closeSync(file);
  }
}

/** Undefined if there is no index or it is not valid. */
export function readWalIndex(path: string): WalIndex | undefined {
  const file = openIfThere(path);
  if (file === undefined) return undefined;
  try {
    return parseIndex(readAt(file, 0, INDEX.bytes));
  } finally {
    fs.closeSync(file);
  }
}

/** Offsets: two copies of a header in the machine's byte order, then how many frames have been moved. */
const INDEX = { bytes: 100, copy: 48, isInit: 12, frames: 16, salts: 32, checksum: 40, moved: 96 } as const;

function parseIndex(bytes: Buffer): WalIndex | undefined {
  if (bytes.length < INDEX.bytes) return undefined;
  const [first, second] = [bytes.subarray(0, INDEX.copy), bytes.subarray(INDEX.copy, 2 * INDEX.copy)];
  const isLittle = bytes.readUInt32LE(0) === WAL_VERSION;
  const numberAt = (at: number): number => (isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  // SQLite writes the copies one after the other, so they differ if it was stopped in between.
  if (!first.equals(second) || numberAt(0) !== WAL_VERSION || bytes[INDEX.isInit] !== 1) return undefined;
  const [one, two] = checksum([0, 0], bytes.subarray(0, INDEX.checksum), isLittle);
  if (numberAt(INDEX.checksum) !== one || numberAt(INDEX.checksum + 4) !== two) return undefined;
  return {
    salts: bytes.toString("hex", INDEX.salts, INDEX.salts + 8),
    frames: numberAt(INDEX.frames),
    movedFrames: numberAt(INDEX.moved),
  };
}

type Checksum = readonly [number, number];

interface Scan {
  readonly salts: Buffer;
  readonly isLittle: boolean;
  readonly frameBytes: number;
  readonly checksum: Checksum;
}

/** Undefined if the header is not sound. */
function beginScan(header: Buffer): Scan | undefined {
  if (header.length < WAL_HEADER_BYTES) return undefined;
  const magic = header.readUInt32BE(0);
  if (magic >>> 1 !== MAGIC >>> 1 || header.readUInt32BE(4) !== WAL_VERSION) return undefined;
  const isLittle = magic === MAGIC;
  const sum = checksum([0, 0], header.subarray(0, 24), isLittle);
  if (header.readUInt32BE(24) !== sum[0] || header.readUInt32BE(28) !== sum[1]) return undefined;
  const frameBytes = FRAME_HEADER_BYTES + header.readUInt32BE(8);
  return { salts: header.subarray(16, 24), isLittle, frameBytes, checksum: sum };
}

function scanFrames(file: number, { salts, isLittle, frameBytes, checksum: begun }: Scan): WalContents {
  let running: Checksum | undefined = begun;
  let [frames, soundFrames, laterFrames, laterTransactionFrames] = [0, 0, 0, 0];
  let hasLaterEnd = false;
  for (const frame of framesOf(file, frameBytes)) {
    frames++;
    const isOfThisLog = frame.subarray(8, 16).equals(salts);
    const endsTransaction = frame.readUInt32BE(4) !== 0;
    running = running && isOfThisLog ? checksumAfter(running, frame, isLittle) : undefined;
    if (running !== undefined) {
      if (endsTransaction) soundFrames = frames;
      continue;
    }
    if (!isOfThisLog) continue;
    laterFrames++;
    if (hasLaterEnd) laterTransactionFrames++;
    hasLaterEnd ||= endsTransaction;
  }
  const later = { laterFrames, laterTransactionFrames };
  return { header: "sound", salts: salts.toString("hex"), frameBytes, soundFrames, ...later };
}

/** The checksum up to the end of the frame; undefined if it is not the one that the frame carries. */
function checksumAfter(before: Checksum, frame: Buffer, isLittle: boolean): Checksum | undefined {
  const head = checksum(before, frame.subarray(0, 8), isLittle);
  const sum = checksum(head, frame.subarray(FRAME_HEADER_BYTES), isLittle);
  const isRight = frame.readUInt32BE(16) === sum[0] && frame.readUInt32BE(20) === sum[1];
  return isRight && frame.readUInt32BE(0) !== 0 ? sum : undefined;
}

/** SQLite's own sum over pairs of words. */
function checksum([first, second]: Checksum, bytes: Buffer, isLittle: boolean): Checksum {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [one, two] = [first, second];
  for (let at = 0; at < bytes.byteLength; at += 8) {
    one = (one + words.getUint32(at, isLittle) + two) >>> 0;
    two = (two + words.getUint32(at + 4, isLittle) + one) >>> 0;
  }
  return [one, two];
}

/** Yields complete frames only. Each is a view of the chunk that was read. */
function* framesOf(file: number, frameBytes: number): Generator<Buffer> {
  const perChunk = Math.max(1, Math.floor(CHUNK_BYTES / frameBytes));
  for (let position = WAL_HEADER_BYTES; ; position += perChunk * frameBytes) {
    const chunk = readAt(file, position, perChunk * frameBytes);
    for (let at = 0; at + frameBytes <= chunk.length; at += frameBytes)
      yield chunk.subarray(at, at + frameBytes);
    if (chunk.length < perChunk * frameBytes) return;
  }
}

function isAllZeros(file: number): boolean {
  for (let position = 0; ; position += CHUNK_BYTES) {
    const chunk = readAt(file, position, CHUNK_BYTES);
    if (chunk.some((byte) => byte !== 0)) return false;
    if (chunk.length < CHUNK_BYTES) return true;
  }
}

/** Shorter only at the end of the file. */
function readAt(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let read = 0;
  while (read < length) {
    const got = fs.readSync(file, bytes, read, length - read, position + read);
    if (got === 0) break;
    read += got;
  }
  return bytes.subarray(0, read);
}

function openIfThere(path: string): number | undefined {
  try {
    return fs.openSync(path, "r");
  } catch (thrown) {
    if (isFileError(thrown, "ENOENT")) return undefined;
    throw thrown;
  }
}
