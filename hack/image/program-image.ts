// SPDX-License-Identifier: Apache-2.0

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { bundle } from "../bundle/bundle.ts";
import type { Program } from "../bundle/programs.ts";
import { compileCacheEnv, fillCompileCache } from "./compile-cache.ts";
import type { ImageFile } from "./layer.ts";
import { MALLOC_ENV } from "./malloc-env.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** Node as it comes with the repository: the one that every test has run on. */
const NODE_PACKAGE = join(ROOT, "node_modules", `node-linux-${process.arch}`);

/** The packages of Debian in whose libraries Node is linked. */
const LIBRARY_PACKAGES = ["libc6", "libgcc-s1", "libstdc++6"];

/** Where things lie in an image. The Dockerfile repeats them; a test compares. */
export const ENTRYPOINT = ["/usr/local/bin/node", "/app/main.mjs"] as const;
export const ENVIRONMENT = { ...compileCacheEnv("/app/cache"), ...MALLOC_ENV };

/**
 * What is in the image of a program: Node, the bundle, the code that Node has compiled of it, and the licences of all.
 * Nothing else, no shell either; it writes nowhere.
 *
 * @param work an empty folder, to which the files that are made go.
 * @param runs whether the program is run once. Without, nobody has seen that it starts, and nothing is compiled.
 */
export async function programFiles(
  program: Program,
  work: string,
  runs = true,
): Promise<readonly ImageFile[]> {
  const node = join(NODE_PACKAGE, "bin", "node");
  if (!existsSync(node)) {
    throw new Error(`no Node for images of ${process.platform} ${process.arch}: use the Dockerfile`);
  }
  const app = join(work, "app");
  const cache = join(app, "cache");
  await bundle(program.entry, app, program.root);
  if (runs) await fillCompileCache(node, join(app, "main.mjs"), cache, program.trial);
  const parts = readdirSync(app).filter((name) => !name.endsWith(".map"));
  return [
    { from: node, to: ENTRYPOINT[0], mode: 0o755 },
    { from: join(NODE_PACKAGE, "LICENSE"), to: "/usr/share/doc/node/LICENSE" },
    ...parts.map((name) => ({ from: join(app, name), to: `/app/${name}` })),
  ];
}

/** The licences of the libraries that are taken from this machine. */
export function libraryLicences(): readonly ImageFile[] {
  return LIBRARY_PACKAGES.map((name) => `/usr/share/doc/${name}/copyright`)
    .filter((path) => existsSync(path))
    .map((path) => ({ from: path, to: path }));
}
