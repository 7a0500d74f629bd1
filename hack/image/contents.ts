// SPDX-License-Identifier: Apache-2.0

/** Reads image archives: OCI image layouts in tar, as `archive.ts` and `docker save` (25 or newer) write them. */

import { createReadStream } from "node:fs";
import { json } from "node:stream/consumers";

import type { TarSpan } from "./tar.ts";
import { readTarSpans } from "./tar.ts";

export interface ImageReference {
  /** With its tag. */
  readonly name: string;
  /** Of its manifest, or of an index of manifests. */
  readonly digest: string;
  readonly mediaType: string;
}

export interface ImageContents {
  readonly images: readonly ImageReference[];
  /** Where the bytes of each blob are in the archive, by the blob's digest. */
  readonly blobs: ReadonlyMap<string, TarSpan>;
}

interface Index {
  readonly manifests?: ReadonlyArray<{
    readonly mediaType: string;
    readonly digest: string;
    readonly annotations?: Readonly<Record<string, string>>;
  }>;
}

/** The largest `index.json` that is read, in bytes. */
const MAX_INDEX_BYTES = 1 << 20;

/** Rejects on a file that is no such archive, or that names no image. */
export async function readContents(archive: string): Promise<ImageContents> {
  const spans = await readTarSpans(archive);
  const indexSpan = spans.find(({ path }) => path === "index.json");
  if (indexSpan === undefined || indexSpan.sizeBytes > MAX_INDEX_BYTES) {
    throw new Error(
      `${archive} is not an OCI image layout; docker save writes one from version 25 on, ` +
        "skopeo copy docker-archive:OLD oci-archive:NEW:NAME makes one",
    );
  }
  const { offset, sizeBytes } = indexSpan;
  const index = (await json(
    createReadStream(archive, { start: offset, end: offset + sizeBytes - 1 }),
  )) as Index;
  const images = (index.manifests ?? []).flatMap(({ annotations = {}, digest, mediaType }) => {
    const reference = annotations["org.opencontainers.image.ref.name"];
    const name =
      annotations["io.containerd.image.name"] ?? (reference?.includes("/") ? reference : undefined);
    return name === undefined ? [] : [{ name, digest, mediaType }];
  });
  if (images.length === 0) throw new Error(`${archive} does not say the name of its image`);
  const blobs = new Map<string, TarSpan>();
  for (const span of spans) {
    const [, algorithm, hex] = /^blobs\/([a-z0-9]+)\/([0-9a-f]+)$/.exec(span.path) ?? [];
    if (hex !== undefined) blobs.set(`${algorithm}:${hex}`, span);
  }
  return { images, blobs };
}
