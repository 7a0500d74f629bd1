// SPDX-License-Identifier: Apache-2.0

import { isBuiltin } from "node:module";

import type { Plugin } from "esbuild";

/**
 * Takes Node's own modules by `process.getBuiltinModule`, not by `import`. To import one Node reads every property of
 * it, getters included, and so loads what nobody asked for: `node:http` all of undici, `node:crypto` all of WebCrypto.
 * That is a third of the time in which the proxy starts.
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
