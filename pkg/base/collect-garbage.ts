// SPDX-License-Identifier: Apache-2.0

import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Runs a full, synchronous garbage collection of this thread and returns the freed memory to the system. For the rare
 * moments when much memory is known to have become garbage, because V8 would otherwise keep it until about as much
 * garbage again has accumulated.
 */
export function collectGarbage(): void {
  collector()({ type: "major", execution: "sync", flavor: "last-resort" });
}

type Collect = (options: Readonly<Record<string, string>>) => void;

function collector(): Collect {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as Collect;
}

/** Size of the young generation, where new objects are: both of its halves, in bytes. */
export function youngGenerationBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name: name }) => name === "new_space")?.space_size ?? 0;
}

/** An array of this length takes 64 KiB. */
const ARRAY_LENGTH = 8_192;
const ARRAY_BYTES = 65_536;

/**
 * Lets the young generation of this thread grow to `bytes`, and no further, in a process whose flag
 * `--semi-space-growth-factor=1` keeps it from growing by itself. It takes a few milliseconds. V8 makes it smaller
 * again when the thread allocates little.
 *
 * @returns its size then. It is less than `bytes` if V8 allows no more: `--max-semi-space-size` bounds each half, and
 * is small by default if the process may have little memory. To try again then is in vain, and takes longer.
 */
export function growYoungGeneration(bytes: number): number {
  const collect = collector();
  const kept: number[][] = [];
  setFlagsFromString("--semi-space-growth-factor=2");
  // V8 doubles it at a collection if more has survived since the last time than fits into a half of it. The arrays are
  // so small that this does not happen twice between two looks at the size.
  let size = youngGenerationBytes();
  for (let survived = 0; size < bytes && survived <= size; survived += ARRAY_BYTES) {
    kept.push(Array.from({ length: ARRAY_LENGTH }, () => 0));
    collect({ type: "minor", execution: "sync" });
    const sizeNow = youngGenerationBytes();
    if (sizeNow > size) survived = 0;
    size = sizeNow;
  }
  setFlagsFromString("--semi-space-growth-factor=1");
  return size;
}
