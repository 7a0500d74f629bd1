// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { cluster } from "./command-line.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..", "..");
const TIMEOUT_MS = 540_000;

/** The commands of a documentation page, in their order: the content of its `sh` blocks. */
function commandsOf(page: string): readonly string[] {
  const text = readFileSync(join(ROOT, page), "utf8");
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block);
}

/**
 * Runs the commands of a page as a reader would: in one shell, from the root of the repository, until the first one
 * fails. Returns their output.
 */
export async function follow(page: string): Promise<string> {
  const script = ["set -euo pipefail", ...commandsOf(page)].join("\n");
  const { stdout, stderr } = await cluster.run(["bash", "-c", script], { cwd: ROOT, timeoutMs: TIMEOUT_MS });
  return stdout + stderr;
}
