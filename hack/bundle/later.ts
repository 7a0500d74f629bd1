// SPDX-License-Identifier: Apache-2.0

import { basename, join } from "node:path";

import type { Plugin } from "esbuild";

/**
 * Leaves files `*.later.ts` out of what imports them by `import()`, and calls `found` with the name and path of each.
 * They are for what most runs of a program never need and what is large: the main file stays small, and starts fast.
 * They may import only types of our own code, because anything else would be there twice.
 */
export function later(found: (name: string, path: string) => void): Plugin {
  return {
    name: "later",
    setup(build) {
      build.onResolve({ filter: /\.later\.ts$/ }, ({ path, kind, resolveDir }) => {
        if (kind !== "dynamic-import") return undefined;
        const name = basename(path, ".ts");
        found(name, join(resolveDir, path));
        return { path: `./${name}.mjs`, external: true };
      });
    },
  };
}
