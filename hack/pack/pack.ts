// SPDX-License-Identifier: Apache-2.0

import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

/** Packs the package in a folder as `npm publish` would. Returns the path of the archive, which is in `out`. */
export function packFolder(folder: string, out: string): string {
  mkdirSync(out, { recursive: true });
  const args = ["pack", "--json", "--offline", "--ignore-scripts", "--pack-destination", out];
  const [packed] = JSON.parse(execFileSync("npm", args, { cwd: folder, encoding: "utf8" })) as [
    { readonly filename: string },
  ];
  return join(out, packed.filename);
}
