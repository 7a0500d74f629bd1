// SPDX-License-Identifier: Apache-2.0

import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

import { build } from "esbuild";

import { builtins } from "./builtins.ts";
import { commonjs } from "./commonjs.ts";
import { later } from "./later.ts";
import { licences, readManifest } from "./licences.ts";
import { workers } from "./workers.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** Defines `require`, by which CommonJS packages load Node's modules, because ES modules do not have it. */
const REQUIRE = 'const require = process.getBuiltinModule("node:module").createRequire(import.meta.url);';

/**
 * Bundles a program, with everything that it imports, into a folder that is emptied first:
 *
 * 1. `main.mjs` is the program. Beside it, each thread that it starts is one file, and so is each file `*.later.ts`.
 * 2. `LICENSES.txt` has the licences of all packages that these files contain.
 * 3. `package.json` has the program's name and version, so that people and tools can look them up.
 * 4. `*.map` lead from the files to the sources; a program runs without them.
 * 5. Equal sources give equal bytes.
 *
 * @param entry path of the program's source from `root`.
 * @param root the folder of the program's project. Default: this repository.
 */
export async function bundle(entry: string, folder: string, root = ROOT): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const entries = new Map([["main", resolve(root, entry)]]);
  const contents = new Set<string>();
  // The loop also visits the files that are added to `entries` meanwhile.
  for (const [name, path] of entries) {
    const found = (other: string, at: string): void => {
      if ((entries.get(other) ?? at) !== at) throw new Error(`two files are called ${other}`);
      entries.set(other, at);
    };
    for (const file of await bundleFile(root, path, join(folder, `${name}.mjs`), found)) contents.add(file);
  }
  writeFileSync(join(folder, "LICENSES.txt"), licences(root, contents));
  writeFileSync(join(folder, "package.json"), manifest(root, resolve(root, entry)));
}

/** Bundles one file. Returns the sources whose code it contains, as paths from the root. */
async function bundleFile(
  root: string,
  entry: string,
  outfile: string,
  onFile: (name: string, path: string) => void,
): Promise<readonly string[]> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    target: "node24",
    format: "esm",
    banner: { js: REQUIRE },
    plugins: [builtins, commonjs, later(onFile), workers(onFile)],
    // Less code to parse at each start. Names are kept, so that stack traces stay readable.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: "none",
    sourcemap: "linked",
    metafile: true,
    logLevel: "warning",
  });
  const output = Object.entries(metafile.outputs).find(([name]) => !name.endsWith(".map"))?.[1];
  if (output === undefined) throw new Error(`${outfile} was not written`);
  return Object.entries(output.inputs).flatMap(([file, { bytesInOutput }]) =>
    bytesInOutput > 0 ? [file] : [],
  );
}

/** The bundle's `package.json`, with name and version from the nearest one of the project. */
function manifest(root: string, entry: string): string {
  let folder = dirname(entry);
  while (folder !== root && !existsSync(join(folder, "package.json"))) folder = dirname(folder);
  const { name = basename(root), version = "0.0.0" } = readManifest(folder);
  return `${JSON.stringify({ name, version, private: true, type: "module" }, undefined, 2)}\n`;
}
