// SPDX-License-Identifier: Apache-2.0

import { execFileSync } from "node:child_process";
import { cpSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";

import type { TestScope } from "../../../lib/processes.ts";
import { temporaryFolder } from "../../../lib/processes.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..", "..");

/** What a page may change, or leave something in. */
const COPIED = ["buf.yaml", "package.json", "package-lock.json", "protocol", "samples"];
const LINKED = ["cmd", "hack", "node_modules", "pkg", "test"];

/** What runs of the samples have left. */
const LEFT = /\/(?:node_modules|\.perdure)$/;

/** Makes a folder that looks like a fresh clone in which packages are installed. Returns its path. */
export function makeCheckout(scope: TestScope): string {
  const folder = temporaryFolder(scope);
  for (const name of COPIED) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true, filter: (path) => !LEFT.test(path) });
  }
  for (const name of LINKED) symlinkSync(join(ROOT, name), join(folder, name));
  // Older than what is installed, so that nothing is installed into the linked folder.
  utimesSync(join(folder, "package-lock.json"), 0, 0);
  const git = (...args: readonly string[]): void => void execFileSync("git", args, { cwd: folder });
  git("init", "--quiet");
  git("add", "samples");
  git("-c", "user.name=reader", "-c", "user.email=reader@example.org", "commit", "--quiet", "-m", "Clone");
  return folder;
}
