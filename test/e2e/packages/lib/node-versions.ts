// SPDX-License-Identifier: Apache-2.0

import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const ROOT = join(import.meta.dirname, "..", "..", "..", "..");
const PACKAGE = `node-linux-${process.arch}`;

/** The oldest Node version that the SDK supports, from its package.json. */
export function oldestNode(): string {
  const { engines } = JSON.parse(readFileSync(join(ROOT, "pkg/sdk/package.json"), "utf8")) as {
    readonly engines: { readonly node: string };
  };
  const [, wanted = ""] = /^>=(\d+(?:\.\d+)*)$/.exec(engines.node) ?? [];
  return [...wanted.split("."), "0", "0"].slice(0, 3).join(".");
}

/** The folder of the `node` that comes with the repository. */
export const ownNodeFolder = join(ROOT, "node_modules", PACKAGE, "bin");

/** Takes a Node of this version from npm, and gives the folder of its `node`. */
export async function fetchNode(version: string, folder: string): Promise<string> {
  await run("npm", ["install", "--prefix", folder, "--no-save", "--ignore-scripts", `${PACKAGE}@${version}`]);
  const found = join(folder, "node_modules", PACKAGE, "bin");
  if (!existsSync(join(found, "node"))) throw new Error(`there is no Node ${version} in ${folder}`);
  return found;
}
