// SPDX-License-Identifier: Apache-2.0

/** Tar archives as OCI images use them: written as a stream of bytes, and read in place by offset. */

import { createReadStream } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";

import { Header } from "tar";

const BLOCK_BYTES = 512;
const READ_BYTES = 1 << 20;

export type TarEntry =
  | { readonly kind: "folder"; readonly path: string; readonly mode: number }
  | { readonly kind: "bytes"; readonly path: string; readonly mode: number; readonly bytes: Uint8Array }
  | {
      readonly kind: "file";
      readonly path: string;
      readonly mode: number;
      /** Path of the file whose bytes the entry gets. */
      readonly source: string;
      readonly sizeBytes: number;
    };

/** Where the bytes of a file lie in an archive. */
export interface TarSpan {
  readonly path: string;
  readonly offset: number;
  readonly sizeBytes: number;
}

/**
 * The bytes of an archive with these entries, in their order. All entries belong to root and have the same time of
 * change (1970), so that equal entries give equal bytes.
 */
export async function* tarBytes(entries: Iterable<TarEntry>): AsyncGenerator<Uint8Array> {
  for (const entry of entries) {
    yield* headerOf(entry);
    if (entry.kind === "bytes") yield entry.bytes;
    if (entry.kind === "file") yield* fileBytes(entry.source, entry.sizeBytes);
    yield Buffer.alloc(paddingBytes(sizeOf(entry)));
  }
  yield Buffer.alloc(2 * BLOCK_BYTES);
}

/** The bytes of one file in an archive. `bytes` must give exactly `sizeBytes` bytes. */
export async function* tarMember(
  path: string,
  sizeBytes: number,
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* headerOf({ kind: "file", path, mode: 0o644, source: "", sizeBytes });
  yield* bytes;
  yield Buffer.alloc(paddingBytes(sizeBytes));
}

/** The files of an archive that is not compressed. Rejects on what is no tar archive. */
export async function readTarSpans(archive: string): Promise<TarSpan[]> {
  const file = await open(archive);
  try {
    return await scan(file, archive);
  } finally {
    await file.close();
  }
}

async function scan(file: FileHandle, archive: string): Promise<TarSpan[]> {
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

function* headerOf(entry: TarEntry): Generator<Uint8Array> {
  const folder = entry.kind === "folder";
  const header = new Header({
    path: folder ? `${entry.path}/` : entry.path,
    mode: entry.mode,
    uid: 0,
    gid: 0,
    size: sizeOf(entry),
    mtime: new Date(0),
    type: folder ? "Directory" : "File",
  });
  const block = Buffer.alloc(BLOCK_BYTES);
  if (header.encode(block, 0)) throw new Error(`the name is too long for a tar archive: ${entry.path}`);
  yield block;
}

async function* fileBytes(path: string, sizeBytes: number): AsyncGenerator<Uint8Array> {
  if (sizeBytes === 0) return;
  let read = 0;
  for await (const chunk of createReadStream(path, { end: sizeBytes - 1, highWaterMark: READ_BYTES })) {
    read += (chunk as Buffer).length;
    yield chunk as Buffer;
  }
  if (read !== sizeBytes) throw new Error(`${path} became shorter while it was read`);
}

function sizeOf(entry: TarEntry): number {
  if (entry.kind === "folder") return 0;
  return entry.kind === "bytes" ? entry.bytes.length : entry.sizeBytes;
}

function paddingBytes(sizeBytes: number): number {
  return (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
}
