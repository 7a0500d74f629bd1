// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import test from "ava";

import { runStep } from "./step.ts";

const ROOT = join(import.meta.dirname, "..", "..");

const run = (command: string, ...args: readonly string[]) => runStep({ name: "step", command, args }, ROOT);

test("a step passes if its command ends with code 0, and keeps what it printed on both streams", async (t) => {
  const { passed, output, durationMs } = await run("sh", "-c", "echo out; echo err >&2; pwd");
  t.true(passed);
  t.true(
    ["out", "err", ROOT].every((line) => output.split("\n").includes(line)),
    output,
  );
  t.true(durationMs > 0);
});

test("a step fails by exit code, by signal, or if it cannot be started, and says so", async (t) => {
  t.like(await run("sh", "-c", "echo why; exit 3"), { passed: false, output: "why\n" });
  const killed = await run("sh", "-c", "kill -TERM $$");
  t.false(killed.passed);
  t.regex(killed.output, /ended by signal SIGTERM/);
  const absent = await run("perdure-no-such-tool");
  t.false(absent.passed);
  t.regex(absent.output, /perdure-no-such-tool could not be run: .*ENOENT/);
});

test("the tools of installed packages are found", async (t) => {
  const { passed, output } = await run("biome", "--version");
  t.true(passed, output);
});
