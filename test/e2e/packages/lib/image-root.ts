// SPDX-License-Identifier: Apache-2.0

import { createReadStream, mkdirSync, readFileSync } from "node:fs";
import { pipeline } from "node:stream/promises";

import { extract } from "tar";

import { readContents } from "../../../../hack/image/contents.ts";
import type { TarSpan } from "../../../../hack/image/tar.ts";

/** How a container of an image is started. */
export interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
}

/**
 * Unpacks the layer of an image archive into a folder, as a container runtime does. Returns the image's name and
 * configuration.
 */
export async function unpackImage(
  archive: string,
  root: string,
): Promise<{ readonly name: string; readonly config: ImageConfig }> {
  const { images, blobs } = await readContents(archive);
  const [image] = images;
  const blob = (digest: string | undefined): TarSpan => {
    const span = blobs.get(digest ?? "");
    if (span === undefined) throw new Error(`no blob ${digest} in ${archive}`);
    return span;
  };
  const bytes = readFileSync(archive);
  const json = (digest: string | undefined): unknown => {
    const { offset, sizeBytes } = blob(digest);
    return JSON.parse(bytes.subarray(offset, offset + sizeBytes).toString());
  };
  const manifest = json(image?.digest) as {
    readonly config: { readonly digest: string };
    readonly layers: ReadonlyArray<{ readonly digest: string }>;
  };
  const { config } = json(manifest.config.digest) as { readonly config: ImageConfig };
  const { offset, sizeBytes } = blob(manifest.layers[0]?.digest);
  mkdirSync(root, { recursive: true });
  const layer = createReadStream(archive, { start: offset, end: offset + sizeBytes - 1 });
  await pipeline(layer, extract({ cwd: root, preserveOwner: true }));
  return { name: image?.name ?? "", config };
}
