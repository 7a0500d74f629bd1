// SPDX-License-Identifier: Apache-2.0

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Collects all garbage of this thread at once, and gives the memory back. For the rare moments at which it is known that
 * much has become garbage, which V8 would keep until as much has come to it.
 */
export function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as (options: Readonly<Record<string, string>>) => void;
  collect({ type: "major", execution: "sync", flavor: "last-resort" });
}
