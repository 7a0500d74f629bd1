// SPDX-License-Identifier: Apache-2.0

import { execFileSync } from "node:child_process";
import { join } from "node:path";

import test from "ava";

const MODULE = join(import.meta.dirname, "collect-garbage.ts");
const MIB = 1_048_576;

/** What growing the young generation of a process with these flags to 4 MiB gives, and what it is then, in MiB. */
function sizesWith(...flags: readonly string[]): readonly number[] {
  const script = `
    import { growYoungGeneration, youngGenerationBytes } from ${JSON.stringify(MODULE)};
    const reached = growYoungGeneration(${4 * MIB});
    console.log(JSON.stringify([reached, youngGenerationBytes()]));`;
  const args = ["--semi-space-growth-factor=1", ...flags, "--input-type=module", "--eval", script];
  return (JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as number[]).map(
    (bytes) => bytes / MIB,
  );
}

test("the young generation grows to what is asked for, and no further", (t) => {
  t.deepEqual(sizesWith("--max-semi-space-size=2"), [4, 4]);
  t.deepEqual(sizesWith("--max-semi-space-size=16"), [4, 4]);
});

test("if V8 allows less, it says how much that is", (t) => {
  t.deepEqual(sizesWith("--max-semi-space-size=1"), [2, 2]);
});
