// SPDX-License-Identifier: Apache-2.0

import { isBuiltin } from "node:module";

import type { Plugin } from "esbuild";

/**
 * Loads Node's own modules by `process.getBuiltinModule` instead of `import`, which saves a third of the time that
 * the proxy takes to start. For an `import` Node reads every property of the module, getters included, and so loads
 * parts that the program does not use: with `node:http` all of undici, with `node:crypto` all of WebCrypto.
 */
export const builtins: Plugin = {
  name: "builtins",
  setup(build) {
    build.onResolve({ filter: /./ }, ({ path }) =>
      isBuiltin(path) ? { path, namespace: "builtin", sideEffects: false } : undefined,
    );
    build.onLoad({ filter: /./, namespace: "builtin" }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};
