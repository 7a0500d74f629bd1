// SPDX-License-Identifier: Apache-2.0

import type { Plugin } from "esbuild";

/**
 * Takes OpenTelemetry's packages in their CommonJS form. Their ES modules load gRPC by a `require` that they make
 * themselves (`createRequire`), which a bundler cannot see, and which finds nothing beside a bundle.
 */
export const commonjs: Plugin = {
  name: "commonjs",
  setup(build) {
    build.onResolve({ filter: /^@opentelemetry\// }, ({ path, kind, importer, resolveDir }) =>
      kind === "require-call"
        ? undefined
        : build.resolve(path, { kind: "require-call", importer, resolveDir }),
    );
  },
};
