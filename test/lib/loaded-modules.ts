// SPDX-License-Identifier: Apache-2.0

import { execFileSync } from "node:child_process";

const PROGRAM = `
  const { registerHooks } = await import("node:module");
  const urls = new Set();
  const resolve = (specifier, context, next) => {
    const found = next(specifier, context);
    urls.add(found.url);
    return found;
  };
  registerHooks({ resolve });
  await import(process.argv[1]);
  console.log(JSON.stringify([...urls]));`;

/**
 * Imports a file in a process of its own, and returns the URLs of all modules that are loaded for it: files of the
 * project and of packages, and `node:` for those of Node.
 */
export function modulesLoadedFor(url: URL): readonly string[] {
  const args = ["--input-type=module", "--eval", PROGRAM, url.href];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as string[];
}
