// SPDX-License-Identifier: Apache-2.0

import { globSync, statSync } from "node:fs";
import { join } from "node:path";

import type { ImageContents } from "../../image/contents.ts";
import { readContents } from "../../image/contents.ts";
import type { TarSpan } from "../../image/tar.ts";

export interface Blob extends TarSpan {
  /** The file that holds it. */
  readonly archive: string;
}

export interface Manifest {
  readonly digest: string;
  readonly mediaType: string;
}

interface Indexed {
  readonly version: string;
  /** Undefined for a file that is no image archive. */
  readonly contents: ImageContents | undefined;
}

const OCI_INDEX = "application/vnd.oci.image.index.v1+json";

/**
 * The images in a folder of archives (`*.tar`).
 *
 * 1. A file that was added, replaced or removed counts from the next call on, without any notification.
 * 2. Files are not copied. Blobs are read from their archives.
 * 3. A file that is no image archive is ignored.
 */
export class ImageFolder {
  readonly #folder: string;
  readonly #indexed = new Map<string, Indexed>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The manifest of an image by its full name, as `dev.local/hello:1`. If several files hold it, the newest counts. */
  async manifest(name: string): Promise<Manifest | undefined> {
    await this.#refresh();
    const all = this.#contents().flatMap(([, { images }]) => images);
    return all.findLast((image) => image.name === name);
  }

  /** The blob with this digest, from any image, because a digest identifies its content. */
  async blob(digest: string): Promise<Blob | undefined> {
    await this.#refresh();
    for (const [archive, { blobs }] of this.#contents()) {
      const span = blobs.get(digest);
      if (span !== undefined) return { ...span, archive };
    }
    return undefined;
  }

  /** The media type of a manifest that was requested by its digest. */
  async mediaType(digest: string): Promise<string> {
    await this.#refresh();
    const all = this.#contents().flatMap(([, { images }]) => images);
    return all.find((image) => image.digest === digest)?.mediaType ?? OCI_INDEX.replace("index", "manifest");
  }

  #contents(): ReadonlyArray<readonly [archive: string, contents: ImageContents]> {
    return [...this.#indexed].flatMap(([archive, { contents }]) =>
      contents === undefined ? [] : [[archive, contents] as const],
    );
  }

  async #refresh(): Promise<void> {
    const files = globSync("*.tar", { cwd: this.#folder }).map((name) => join(this.#folder, name));
    for (const file of this.#indexed.keys()) if (!files.includes(file)) this.#indexed.delete(file);
    for (const file of files) {
      const stat = statSync(file, { throwIfNoEntry: false });
      const version = `${stat?.ino} ${stat?.mtimeMs} ${stat?.size}`;
      if (this.#indexed.get(file)?.version === version) continue;
      // Moved to the end, because the newest file must come last.
      this.#indexed.delete(file);
      this.#indexed.set(file, { version, contents: await readContents(file).catch(() => undefined) });
    }
  }
}
