// SPDX-License-Identifier: Apache-2.0

/**
 * Writes a container image of one layer as a file, without Docker and without a network. The file is an OCI image
 * layout (OCI Image Format 1.1, image-layout.md) in a tar archive, with Docker's `manifest.json` beside it.
 * `ctr images import`, `docker load`, `podman load`, `kind load image-archive` and hack/cluster accept it.
 *
 * 1. Equal input gives equal bytes: nothing in the image tells when or by whom it was made.
 * 2. The file at `out` is always complete, because it is written under another name and then renamed.
 */

import { createHash } from "node:crypto";
import { createWriteStream, realpathSync, renameSync, rmSync, statSync } from "node:fs";
import { pipeline } from "node:stream/promises";

import type { ImageFile } from "./layer.ts";
import { layerEntries } from "./layer.ts";
import { fullName } from "./name.ts";
import type { TarContents } from "./tar.ts";
import { bytesContents, tarBytes } from "./tar.ts";

export interface ImageOptions {
  /** As in a pod: `dev.local/hello:1`; without a tag it is `latest`. */
  readonly name: string;
  readonly files: readonly ImageFile[];
  /** Whether the shared libraries of the programs among `files` are added, from the same paths of this machine. */
  readonly libraries: boolean;
  readonly entrypoint: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** As `uid:gid`. Default `65532:65532`. */
  readonly user?: string;
  readonly out: string;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar";
const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";

const DEFAULT_USER = "65532:65532";
const SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin";
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** Writes the image. Rejects if a file or a program's library is missing, or if `out` exists and is no regular file. */
export async function writeImage(options: ImageOptions): Promise<void> {
  const out = targetOf(options.out);
  const entries = await layerEntries(options.files, options.libraries);
  // The layer's bytes are read twice: once for the digest, which is the layer's name, and once into the archive. So
  // there is never a second copy of the layer.
  const layer = await describe(LAYER_TYPE, tarBytes(entries));
  const architecture = ARCHITECTURES[process.arch] ?? process.arch;
  const config = json(configOf(options, layer.digest, architecture));
  const configBlob = await describe(CONFIG_TYPE, config.read());
  const common = { schemaVersion: 2, mediaType: MANIFEST_TYPE };
  const manifest = json({ ...common, config: configBlob, layers: [layer] });
  const manifestBlob = await describe(MANIFEST_TYPE, manifest.read());
  const name = fullName(options.name);
  const annotations = {
    "io.containerd.image.name": name,
    "org.opencontainers.image.ref.name": name.slice(name.lastIndexOf(":") + 1),
  };
  const index = {
    schemaVersion: 2,
    mediaType: INDEX_TYPE,
    manifests: [{ ...manifestBlob, platform: { architecture, os: "linux" }, annotations }],
  };
  const contents: Readonly<Record<string, TarContents>> = {
    [pathOf(layer)]: { sizeBytes: layer.size, read: () => checked(tarBytes(entries), layer) },
    "oci-layout": json({ imageLayoutVersion: "1.0.0" }),
    "index.json": json(index),
    "manifest.json": json([{ Config: pathOf(configBlob), RepoTags: [name], Layers: [pathOf(layer)] }]),
    [pathOf(manifestBlob)]: manifest,
    [pathOf(configBlob)]: config,
  };

  const aside = `${out}.${process.pid}.part`;
  try {
    const files = Object.entries(contents).map(([path, each]) => ({ path, mode: 0o644, contents: each }));
    await pipeline(tarBytes(files), createWriteStream(aside));
    renameSync(aside, out);
  } finally {
    rmSync(aside, { force: true });
  }
}

/** Follows a symbolic link, so that the file is replaced and not the link. @throws for what is no regular file. */
function targetOf(out: string): string {
  const found = statSync(out, { throwIfNoEntry: false });
  if (found === undefined) return out;
  if (!found.isFile()) throw new Error(`${out} is no regular file, so no image is written there`);
  return realpathSync(out);
}

function configOf({ entrypoint, env, user }: ImageOptions, layer: string, architecture: string): object {
  const variables = Object.entries({ PATH: SEARCH_PATH, ...env });
  return {
    architecture,
    os: "linux",
    config: {
      User: user ?? DEFAULT_USER,
      Env: variables.map(([key, value]) => `${key}=${value}`),
      Entrypoint: entrypoint,
      WorkingDir: "/",
    },
    rootfs: { type: "layers", diff_ids: [layer] },
  };
}

async function describe(mediaType: string, bytes: ReturnType<TarContents["read"]>): Promise<Descriptor> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of bytes) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { mediaType, digest: `sha256:${hash.digest("hex")}`, size };
}

/** Passes the bytes on. @throws at their end if they are not the measured ones, because a file changed meanwhile. */
async function* checked(bytes: AsyncIterable<Uint8Array>, expected: Descriptor): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  for await (const chunk of bytes) {
    hash.update(chunk);
    yield chunk;
  }
  if (`sha256:${hash.digest("hex")}` !== expected.digest) {
    throw new Error("a file of the image changed while the image was written");
  }
}

function pathOf({ digest }: Descriptor): string {
  return `blobs/${digest.replace(":", "/")}`;
}

function json(value: unknown): TarContents {
  return bytesContents(Buffer.from(JSON.stringify(value)));
}
