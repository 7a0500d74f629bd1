// SPDX-License-Identifier: Apache-2.0

import { existsSync } from "node:fs";
import { join } from "node:path";

/**
 * The log that `perdure dev` keeps for a function: in the folder of the function, or, of an earlier version, in the one
 * that `perdure dev` was called in.
 *
 * @param name of the function's project
 */
export function devLogPath(name: string, folder: string, cwd: string): string {
  const file = join(".perdure", `${name}.db`);
  return [join(folder, file), join(cwd, file)].find((path) => existsSync(path)) ?? join(folder, file);
}
