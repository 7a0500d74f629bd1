// SPDX-License-Identifier: Apache-2.0

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Runs a full, synchronous garbage collection of this thread and returns the freed memory to the system. For the rare
 * moments when much memory is known to have become garbage, because V8 would otherwise keep it until about as much
 * garbage again has accumulated.
 */
export function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as (options: Readonly<Record<string, string>>) => void;
  collect({ type: "major", execution: "sync", flavor: "last-resort" });
}
