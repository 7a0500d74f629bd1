// SPDX-License-Identifier: Apache-2.0

import { readdirSync, realpathSync, statSync } from "node:fs";
import { join, posix } from "node:path";

import { sharedLibraries } from "./libraries.ts";
import type { TarEntry } from "./tar.ts";
import { bytesContents, fileContents } from "./tar.ts";

export interface ImageFile {
  /** A file or a folder of this machine; of a folder, all that is in it. */
  readonly from: string;
  /** Absolute, in the image. */
  readonly to: string;
  /** Of the file. Default 0755 for what its owner may run, else 0644. */
  readonly mode?: number;
}

/** Who is who in the image: root, the user that images run as, and the one that Envoy's runs as. */
const PASSWD = `root:x:0:0:root:/:/
nonroot:x:65532:65532:nonroot:/tmp:/
nobody:x:65534:65534:nobody:/tmp:/
`;
const GROUP = "root:x:0:\nnonroot:x:65532:\nnobody:x:65534:\n";

/** Without this file the C library asks DNS before it looks into /etc/hosts. */
const NSSWITCH = "hosts: files dns\n";

/** All entries of the layer, sorted by path, so that each folder comes before its contents. */
export async function layerEntries(files: readonly ImageFile[], libraries: boolean): Promise<TarEntry[]> {
  const entries = new Map<string, TarEntry>();
  const add = (entry: TarEntry): void => {
    addParents(entries, entry.path);
    entries.set(entry.path, entry);
  };
  add({ path: "tmp", mode: 0o1777 });
  for (const [path, text] of Object.entries({ passwd: PASSWD, group: GROUP, "nsswitch.conf": NSSWITCH })) {
    add({ path: `etc/${path}`, mode: 0o644, contents: bytesContents(Buffer.from(text)) });
  }
  for (const file of files) {
    for (const entry of expand(file)) add(entry);
    if (!libraries || statSync(file.from).isDirectory()) continue;
    for (const path of await sharedLibraries(realpathSync(file.from))) add(fileEntry(path, path));
  }
  return [...entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function expand({ from, to, mode }: ImageFile): TarEntry[] {
  if (!statSync(from).isDirectory()) return [fileEntry(from, to, mode)];
  return readdirSync(from, { recursive: true, withFileTypes: true })
    .map((item) => join(item.parentPath, item.name))
    .filter((path) => statSync(path).isFile())
    .map((path) => fileEntry(path, posix.join(to, path.slice(from.length)), mode));
}

function fileEntry(from: string, to: string, mode?: number): TarEntry {
  const runnable = (statSync(from).mode & 0o100) !== 0;
  const path = to.replace(/^\/+/, "");
  return { path, mode: mode ?? (runnable ? 0o755 : 0o644), contents: fileContents(from) };
}

function addParents(entries: Map<string, TarEntry>, path: string): void {
  const parent = posix.dirname(path);
  if (parent === "." || entries.has(parent)) return;
  addParents(entries, parent);
  entries.set(parent, { path: parent, mode: 0o755 });
}
