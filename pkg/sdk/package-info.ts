// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface PackageInfo {
  readonly name: string;
  readonly version: string;
}

/** Name and version of the nearest package.json in the folder or above it that has a name. */
export function nearestPackage(folder: string): PackageInfo | undefined {
  for (let current = folder; ; current = dirname(current)) {
    const found = readPackage(join(current, "package.json"));
    if (found !== undefined) return found;
    if (current === dirname(current)) return undefined;
  }
}

function readPackage(path: string): PackageInfo | undefined {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, "utf8"));
  } catch {
    // A missing or broken file is no error, because it only gives a name to show.
    return undefined;
  }
  const { name, version } = (content ?? {}) as Record<string, unknown>;
  if (typeof name !== "string") return undefined;
  return { name, version: typeof version === "string" ? version : "" };
}
