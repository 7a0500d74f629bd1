// SPDX-License-Identifier: Apache-2.0

import { chmodSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

import type { Trial } from "../bundle/programs.ts";
import { trialRun } from "./trial-run.ts";

/** The user id that images run as. */
const USER_ID = 65_532;

/**
 * The environment that makes Node keep compiled code in a folder and find it again, wherever code and folder lie, as
 * long as they stay beside each other. Where the compiled code does not fit (another user, or a processor with other
 * features than the one it was made on) Node ignores it, and only the start takes longer.
 */
export function compileCacheEnv(folder: string): Readonly<Record<string, string>> {
  return { NODE_COMPILE_CACHE: folder, NODE_COMPILE_CACHE_PORTABLE: "1" };
}

/**
 * Fills the folder by running the program once. Removes the folder if there is nothing to keep: SIGTERM ends a function
 * that does not handle it before Node has written the compiled code.
 */
export async function fillCompileCache(
  node: string,
  main: string,
  folder: string,
  trial: Trial,
): Promise<void> {
  const end = await trialRun(node, main, trial, compileCacheEnv(folder));
  if (end === "by signal") return rmSync(folder, { recursive: true, force: true });
  const [version, ...others] = readdirSync(folder);
  if (version === undefined || others.length > 0)
    throw new Error(`${main} left no compiled code in ${folder}`);
  // Node keeps the compiled code of each user in a separate folder, whose name ends with the user's id, because one
  // user could not read the files of another. It is renamed here for the image's user.
  const forImage = version.replace(/-\d+$/, `-${USER_ID}`);
  renameSync(join(folder, version), join(folder, forImage));
  for (const file of readdirSync(join(folder, forImage))) chmodSync(join(folder, forImage, file), 0o644);
}
