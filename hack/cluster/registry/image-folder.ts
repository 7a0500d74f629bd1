// SPDX-License-Identifier: Apache-2.0

import { globSync, statSync } from "node:fs";
import { join } from "node:path";

import { readContents } from "../../image/contents.ts";
import type { TarSpan } from "../../image/tar.ts";

export interface Blob extends TarSpan {
  /** The archive that holds it. */
  readonly archive: string;
}

export interface Manifest {
  readonly digest: string;
  readonly mediaType: string;
}

export interface ImageFolder {
  /** Of each image, by its full name, as `dev.local/hello:1`. If several archives hold an image, the newest counts. */
  readonly manifests: ReadonlyMap<string, Manifest>;
  /** By the digest, which identifies the content, whatever image it is of. */
  readonly blobs: ReadonlyMap<string, Blob>;
}

/**
 * Reads what is in a folder of archives (`*.tar`), of each only the heads of its files. Called anew for each request,
 * so that a file which was added, replaced or removed counts at once. A file that is no image archive is ignored.
 */
export async function readImageFolder(folder: string): Promise<ImageFolder> {
  const archives = globSync("*.tar", { cwd: folder })
    .map((name) => ({ archive: join(folder, name), mtimeMs: mtimeOf(join(folder, name)) }))
    .sort((a, b) => a.mtimeMs - b.mtimeMs);
  const manifests = new Map<string, Manifest>();
  const blobs = new Map<string, Blob>();
  for (const { archive } of archives) {
    const contents = await readContents(archive).catch(() => undefined);
    for (const { name, ...manifest } of contents?.images ?? []) manifests.set(name, manifest);
    for (const [digest, span] of contents?.blobs ?? []) blobs.set(digest, { ...span, archive });
  }
  return { manifests, blobs };
}

function mtimeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
