// SPDX-License-Identifier: Apache-2.0

/**
 * Runs all checks and tests that must pass before a change is merged: `node hack/verify.ts [-- test files or globs]`.
 * `npm test` runs it. Each check counts as one test. A check that fails does not stop the others, so that one run
 * shows everything that is to be fixed. With test files or globs only these tests run.
 */

import { join } from "node:path";

import { prepareNatsServer } from "./verify/nats-server.ts";
import { indent, report, runTests, seconds } from "./verify/run-tests.ts";
import type { Step } from "./verify/step.ts";
import { runStep } from "./verify/step.ts";
import type { Counts } from "./verify/summary.ts";
import { add, NOTHING, summaryLine } from "./verify/summary.ts";

const ROOT = join(import.meta.dirname, "..");

const CHECKS: readonly Step[] = [
  { name: "types", command: "tsc", args: ["-p", "."] },
  { name: "lint", command: "oxlint", args: ["--type-aware", "--deny-warnings"] },
  { name: "format", command: "biome", args: ["check", "--max-diagnostics=none", "."] },
  { name: "generated", command: process.execPath, args: ["hack/generate.ts", "--check"] },
  { name: "layers", command: process.execPath, args: ["hack/check-layers.ts"] },
  { name: "dead code", command: "knip", args: ["--no-progress"] },
];

/** Checks that run at the same time. Tests run alone, after them, because some of them depend on timing. */
const LANES = 2;

async function main(globs: readonly string[]): Promise<void> {
  const startedMs = performance.now();
  const [checks] = await Promise.all([
    globs.length > 0 ? NOTHING : runChecks(),
    prepareNatsServer((text) => console.log(`${"nats-server".padEnd(12)}${text}`)),
  ]);
  const tests = await runTests(ROOT, globs, {
    argv: [process.execPath],
    // Each test file loads our modules anew: with their compiled code at hand a run takes a fifth less time.
    env: { NODE_COMPILE_CACHE: join(ROOT, "node_modules", ".cache", "compile") },
  });
  const total = add(checks, tests);
  console.log(`\ntotal time ${seconds(performance.now() - startedMs)}`);
  console.log(summaryLine(total));
  if (total.failed > 0) process.exitCode = 1;
}

async function runChecks(): Promise<Counts> {
  // Each lane takes the next of these that none has taken.
  const waiting = CHECKS.values();
  let counts = NOTHING;
  const lane = async (): Promise<void> => {
    for (const step of waiting) {
      const { passed, output, durationMs } = await runStep(step, ROOT);
      report(step.name, passed, durationMs);
      if (!passed) console.log(indent(output.trim().split("\n")));
      counts = add(counts, { passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: 0 });
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return counts;
}

await main(process.argv.slice(2).filter((argument) => argument !== "--"));
