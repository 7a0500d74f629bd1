// SPDX-License-Identifier: Apache-2.0

/** Tar archives as OCI images use them: written as a stream of bytes, and read in place by offset. */

import { createReadStream, statSync } from "node:fs";
import { open } from "node:fs/promises";

import { Header } from "tar";

const BLOCK_BYTES = 512;
const READ_BYTES = 1 << 20;

/** A file, or a folder if it has no contents. */
export interface TarEntry {
  readonly path: string;
  readonly mode: number;
  readonly contents?: TarContents;
}

export interface TarContents {
  readonly sizeBytes: number;
  /** Gives exactly `sizeBytes` bytes. */
  read(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** Where the bytes of a file lie in an archive. */
export interface TarSpan {
  readonly path: string;
  readonly offset: number;
  readonly sizeBytes: number;
}

export function fileContents(path: string): TarContents {
  const { size: sizeBytes } = statSync(path);
  const range = { end: sizeBytes - 1, highWaterMark: READ_BYTES };
  return { sizeBytes, read: () => (sizeBytes === 0 ? [] : createReadStream(path, range)) };
}

export function bytesContents(bytes: Uint8Array): TarContents {
  return { sizeBytes: bytes.length, read: () => [bytes] };
}

/**
 * The bytes of an archive with these entries, in their order. All entries belong to root and have the same time of
 * change (1970), so that equal entries give equal bytes.
 */
export async function* tarBytes(entries: Iterable<TarEntry>): AsyncGenerator<Uint8Array> {
  for (const entry of entries) {
    yield headerOf(entry);
    const { sizeBytes = 0 } = entry.contents ?? {};
    let read = 0;
    for await (const chunk of entry.contents?.read() ?? []) {
      read += chunk.length;
      yield chunk;
    }
    if (read !== sizeBytes) throw new Error(`${entry.path} changed its size while it was read`);
    yield Buffer.alloc(paddingBytes(sizeBytes));
  }
  yield Buffer.alloc(2 * BLOCK_BYTES);
}

/** The files of an archive that is not compressed. Rejects on what is no tar archive. */
export async function readTarSpans(archive: string): Promise<TarSpan[]> {
  await using file = await open(archive);
  const spans: TarSpan[] = [];
  const block = Buffer.alloc(BLOCK_BYTES);
  for (let offset = 0; ; ) {
    const { bytesRead } = await file.read(block, 0, BLOCK_BYTES, offset);
    const header = bytesRead === BLOCK_BYTES ? new Header(block, 0) : undefined;
    if (header?.nullBlock === true) return spans;
    if (header === undefined || !header.cksumValid) throw new Error(`${archive} is not a tar archive`);
    const sizeBytes = header.size ?? 0;
    offset += BLOCK_BYTES;
    // Extended headers tell more about the next entry, such as a long name; names in images are short.
    if (header.type === "File" || header.type === "OldFile") {
      spans.push({ path: (header.path ?? "").replace(/^\.\//, ""), offset, sizeBytes });
    }
    offset += sizeBytes + paddingBytes(sizeBytes);
  }
}

function headerOf({ path, mode, contents }: TarEntry): Uint8Array {
  const header = new Header({
    path: contents === undefined ? `${path}/` : path,
    mode,
    uid: 0,
    gid: 0,
    size: contents?.sizeBytes ?? 0,
    mtime: new Date(0),
    type: contents === undefined ? "Directory" : "File",
  });
  const block = Buffer.alloc(BLOCK_BYTES);
  if (header.encode(block, 0)) throw new Error(`the name is too long for a tar archive: ${path}`);
  return block;
}

function paddingBytes(sizeBytes: number): number {
  return (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
}
