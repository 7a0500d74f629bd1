// SPDX-License-Identifier: Apache-2.0
//
// Builds the npm package @perdure/sdk: JavaScript and declarations, the generated protocol code that they use, and the
// .proto files that applications import.

import { execFileSync } from "node:child_process";
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");

/** What an application's own .proto files may import. */
const PROTO_FILES = [
  "cloudstate/entity_key.proto",
  "cloudstate/eventing.proto",
  "google/api/annotations.proto",
  "google/api/http.proto",
  "google/api/httpbody.proto",
];

/** Builds the package into the folder, which is emptied first, and gives its path. */
export function buildSdk(out: string): string {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  compile(out);
  for (const file of PROTO_FILES) cpSync(join(root, "protocol", file), join(out, "proto", file));
  cpSync(join(root, "pkg/sdk/README.md"), join(out, "README.md"));
  cpSync(join(root, "LICENSE"), join(out, "LICENSE"));
  writeFileSync(join(out, "package.json"), `${JSON.stringify(manifest(), undefined, 2)}\n`);
  return out;
}

function compile(out: string): void {
  const config = join(out, "tsconfig.json");
  writeFileSync(
    config,
    JSON.stringify({
      extends: join(root, "tsconfig.json"),
      compilerOptions: {
        noEmit: false,
        allowImportingTsExtensions: false,
        rewriteRelativeImportExtensions: true,
        declaration: true,
        // Node 20 is the oldest that the package supports.
        target: "es2022",
        lib: ["es2023"],
        typeRoots: [join(root, "node_modules/@types")],
        rootDir: join(root, "pkg"),
        outDir: join(out, "dist"),
      },
      files: [join(root, "pkg/sdk/mod.ts"), join(root, "pkg/sdk/testkit/mod.ts")],
      include: [],
    }),
  );
  execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", config], {
    stdio: "inherit",
  });
  rmSync(config);
  for (const file of globSync("dist/**/*.d.ts", { cwd: out })) importJavaScript(join(out, file));
}

/** tsc rewrites imports of `./x.ts` in JavaScript only; a declaration with them would look for sources. */
function importJavaScript(path: string): void {
  const source = readFileSync(path, "utf8");
  writeFileSync(path, source.replaceAll(/((?:from|import)\s*\(?\s*"\.{1,2}\/[^"]+)\.ts"/g, '$1.js"'));
}

/** The `package.json` of `pkg/sdk`, with the compiled files in place of the sources. */
function manifest(): Record<string, unknown> {
  const source = JSON.parse(readFileSync(join(root, "pkg/sdk/package.json"), "utf8")) as Record<
    string,
    unknown
  >;
  return {
    ...source,
    files: ["dist", "proto"],
    sideEffects: false,
    exports: {
      ".": { types: "./dist/sdk/mod.d.ts", default: "./dist/sdk/mod.js" },
      "./testkit": { types: "./dist/sdk/testkit/mod.d.ts", default: "./dist/sdk/testkit/mod.js" },
      "./proto/*": "./proto/*",
      "./package.json": "./package.json",
    },
  };
}
