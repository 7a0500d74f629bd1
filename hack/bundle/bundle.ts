// SPDX-License-Identifier: Apache-2.0

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

import { build } from "esbuild";

import { builtins } from "./builtins.ts";
import { licences } from "./licences.ts";
import { workers } from "./workers.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** Packages in CommonJS ask for Node's modules by `require`, which modules do not have. */
const REQUIRE = 'const require = process.getBuiltinModule("node:module").createRequire(import.meta.url);';

/**
 * Bundles a program, with everything that it imports, into a folder that is emptied first:
 *
 * 1. `main.mjs` is the program, and each thread that it starts is one file beside it.
 * 2. `LICENSES.txt` has the licences of all that is in them.
 * 3. `package.json` has the program's name and version, for those who ask what runs.
 * 4. `*.map` lead from the files to the sources; a program runs without them.
 * 5. Equal sources give equal bytes.
 *
 * @param entry from the root.
 * @param root the folder of the program's project; this repository, if nothing is said.
 */
export async function bundle(entry: string, folder: string, root = ROOT): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const entries = new Map([["main", resolve(root, entry)]]);
  const contents = new Set<string>();
  // What is found on the way is visited too.
  for (const [name, path] of entries) {
    const found = (thread: string, at: string): void => {
      if ((entries.get(thread) ?? at) !== at) throw new Error(`two threads are called ${thread}`);
      entries.set(thread, at);
    };
    for (const file of await bundleFile(root, path, join(folder, `${name}.mjs`), found)) contents.add(file);
  }
  writeFileSync(join(folder, "LICENSES.txt"), licences(root, contents));
  writeFileSync(join(folder, "package.json"), manifest(root, resolve(root, entry)));
}

/** Gives the files that are in it, from the root. */
async function bundleFile(
  root: string,
  entry: string,
  outfile: string,
  onThread: (name: string, path: string) => void,
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
    plugins: [builtins, workers(onThread)],
    // Less to read at each start; the names stay, so that a stack still says something.
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

/** What the nearest package.json of the project says of the program. */
function manifest(root: string, entry: string): string {
  let folder = dirname(entry);
  while (folder !== root && !existsSync(join(folder, "package.json"))) folder = dirname(folder);
  const path = join(folder, "package.json");
  const { name = basename(root), version = "0.0.0" } = existsSync(path)
    ? (JSON.parse(readFileSync(path, "utf8")) as Record<string, string>)
    : {};
  return `${JSON.stringify({ name, version, private: true, type: "module" }, undefined, 2)}\n`;
}
