// SPDX-License-Identifier: Apache-2.0

import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import type { Plugin } from "esbuild";

/** How our sources name a thread's entry. `hack/check-layers.ts` checks that the file exists. */
const THREAD_ENTRY = /new URL\("\.\/([\w-]+)\.ts", import\.meta\.url\)/g;

/**
 * Finds the entry files of threads in the sources and calls `found` with the name and path of each. Replaces each
 * reference by the bundled file: the same name with `.mjs`, beside the main file.
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
