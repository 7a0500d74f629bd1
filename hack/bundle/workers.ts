// SPDX-License-Identifier: Apache-2.0

import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import type { Plugin } from "esbuild";

/** How a thread's entry is named in our sources; `hack/check-layers.ts` sees to it that the file exists. */
const THREAD_ENTRY = /new URL\("\.\/([\w-]+)\.ts", import\.meta\.url\)/g;

/**
 * Finds the entries of threads, which are files of their own, and makes the sources name what they are bundled to: the
 * same name with `.mjs`, beside the main file. `found` hears name and path of each.
 */
export function workers(found: (name: string, path: string) => void): Plugin {
  return {
    name: "workers",
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        if (path.includes("/node_modules/")) return undefined;
        const source = await readFile(path, "utf8");
        const contents = source.replaceAll(THREAD_ENTRY, (_site, name: string) => {
          found(name, join(dirname(path), `${name}.ts`));
          return `new URL("./${name}.mjs", import.meta.url)`;
        });
        return { contents, loader: "ts" };
      });
    },
  };
}
