// SPDX-License-Identifier: Apache-2.0

import { chmodSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

import type { Trial } from "../bundle/programs.ts";
import { trialRun } from "./trial-run.ts";

/** Of whom images run as. */
const USER_ID = 65_532;

/**
 * What makes Node keep compiled code in a folder and find it again, wherever the folder lies beside the code.
 * Where it does not fit (another user, or a processor with other features than the one it was made on) Node goes
 * without: the start takes longer, nothing else.
 */
export function compileCacheEnv(folder: string): Readonly<Record<string, string>> {
  return { NODE_COMPILE_CACHE: folder, NODE_COMPILE_CACHE_PORTABLE: "1" };
}

/**
 * Fills the folder by running the program once. False if there is nothing to keep: a function that does not listen to
 * SIGTERM is ended before Node has written what it compiled.
 */
export async function fillCompileCache(
  node: string,
  main: string,
  folder: string,
  trial: Trial,
): Promise<boolean> {
  const end = await trialRun(node, main, trial, compileCacheEnv(folder));
  if (end === "by signal") {
    rmSync(folder, { recursive: true, force: true });
    return false;
  }
  const [version, ...others] = readdirSync(folder);
  if (version === undefined || others.length > 0)
    throw new Error(`${main} left no compiled code in ${folder}`);
  // Node keeps what each user has compiled apart, since one could not read the other's.
  const forImage = version.replace(/-\d+$/, `-${USER_ID}`);
  renameSync(join(folder, version), join(folder, forImage));
  for (const file of readdirSync(join(folder, forImage))) chmodSync(join(folder, forImage, file), 0o644);
  return true;
}
