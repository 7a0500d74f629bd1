// SPDX-License-Identifier: Apache-2.0

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { bundle } from "../bundle/bundle.ts";
import type { Program } from "../bundle/programs.ts";
import { compileCacheEnv, fillCompileCache } from "./compile-cache.ts";
import type { ImageFile } from "./layer.ts";
import { MALLOC_ENV } from "./malloc-env.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** The package with Node in this repository. All tests run on this Node. */
const NODE_PACKAGE = join(ROOT, "node_modules", `node-linux-${process.arch}`);

/** The packages of Debian in whose libraries Node is linked. */
const LIBRARY_PACKAGES = ["libc6", "libgcc-s1", "libstdc++6"];

/** Paths and environment in an image. The Dockerfile repeats them, and a test compares the two. */
export const ENTRYPOINT = ["/usr/local/bin/node", "/app/main.mjs"] as const;
export const ENVIRONMENT = { ...compileCacheEnv("/app/cache"), ...MALLOC_ENV };

/**
 * The files in the image of a program: Node, the bundle, the code that Node has compiled of it, and the licences of
 * all. There is nothing else, not even a shell, and no file of the image is written to at run time.
 *
 * @param work an empty folder for the files that are made.
 * @param runs whether the program is run once. Without that run it is not known to start, and there is no compiled
 * code.
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
