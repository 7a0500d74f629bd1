// SPDX-License-Identifier: Apache-2.0

import type { World } from "../world.ts";

/** What `function.ts` has received so far. */
export interface FunctionCounts {
  /** Commands that ask for themselves once more. */
  readonly endless: number;
  /** Texts of `reportError`. */
  readonly reports: number;
}

/** Reads the counts that the function wrote last. */
export function functionCounts({ others }: Pick<World, "others">): FunctionCounts {
  const line = others[0]?.stdout.findLast((each) => each.startsWith("{"));
  if (line === undefined) throw new Error("the user function has not counted anything");
  return JSON.parse(line) as FunctionCounts;
}
