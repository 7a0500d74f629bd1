// SPDX-License-Identifier: Apache-2.0

/**
 * Everything that must hold before a change goes in: `node hack/verify.ts [-- test files or globs]`. `npm test` runs
 * it. Each check counts as one beside the tests. A check that fails does not stop the others, so one run shows all
 * there is to mend. With test files or globs only these tests run.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { styleText } from "node:util";

import { prepareNatsServer } from "./verify/nats-server.ts";
import { runStep, toolEnvironment } from "./verify/step.ts";
import type { Step } from "./verify/step.ts";
import { add, judgeTests, NOTHING, summaryLine } from "./verify/summary.ts";
import type { Counts, Exit } from "./verify/summary.ts";
import { readTap } from "./verify/tap.ts";
import type { TapEvent } from "./verify/tap.ts";

const ROOT = join(import.meta.dirname, "..");

const CHECKS: readonly Step[] = [
  { name: "types", command: "tsc", args: ["-p", "."] },
  { name: "lint", command: "oxlint", args: ["--type-aware", "--deny-warnings"] },
  { name: "format", command: "biome", args: ["format", "--max-diagnostics=none", "."] },
  { name: "generated", command: process.execPath, args: ["hack/generate.ts", "--check"] },
  { name: "layers", command: process.execPath, args: ["hack/check-layers.ts"] },
  { name: "dead code", command: "knip", args: ["--no-progress"] },
];

/** Checks run this many at a time. Tests run alone, since some of them watch the clock. */
const LANES = 2;

/**
 * AVA waits for ever for a test process that does not end, as one with a log that a failed test left open. Longer than
 * the longest test, which may have to build a peer in Go first (10 minutes).
 */
const SILENCE_MS = 660_000;

async function main(globs: readonly string[]): Promise<void> {
  const startedMs = performance.now();
  const [checks] = await Promise.all([
    globs.length > 0 ? NOTHING : runChecks(CHECKS),
    prepareNatsServer((text) => console.log(`${"nats-server".padEnd(12)}${text}`)),
  ]);
  const tests = await runTests(globs);
  const total = add(checks, tests);
  console.log(`\ntotal time ${seconds(performance.now() - startedMs)}`);
  console.log(summaryLine(total));
  if (total.failed > 0) process.exitCode = 1;
}

async function runChecks(steps: readonly Step[]): Promise<Counts> {
  const waiting = [...steps];
  let counts = NOTHING;
  const lane = async (): Promise<void> => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      const { passed, output, durationMs } = await runStep(step, ROOT);
      report(step.name, passed, durationMs);
      if (!passed) console.log(indent(output.trim().split("\n")));
      counts = add(counts, { passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: 0 });
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return counts;
}

async function runTests(globs: readonly string[]): Promise<Counts> {
  const startedMs = performance.now();
  console.log(`${"tests".padEnd(12)}running`);
  const child = spawn(process.execPath, ["hack/verify/ava.ts", "--tap", ...globs], {
    cwd: ROOT,
    env: toolEnvironment(ROOT),
    // What tests write themselves goes out as it comes.
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit") as Promise<[Exit["code"], Exit["signal"]]>;
  const events: TapEvent[] = [];
  const silence = setTimeout(() => {
    console.log(`  nothing was heard of the tests for ${seconds(SILENCE_MS)}: something holds them; ended`);
    child.kill("SIGKILL");
  }, SILENCE_MS);
  for await (const event of readTap(createInterface({ input: child.stdout }))) {
    silence.refresh();
    events.push(event);
    show(event);
  }
  const [code, signal] = await exited;
  clearTimeout(silence);
  const { counts, problems } = judgeTests(events, { code, signal });
  for (const problem of problems) console.log(`  ${styleText("red", "failed")}  ${problem}`);
  report("tests", counts.failed === 0, performance.now() - startedMs);
  return counts;
}

function show(event: TapEvent): void {
  if (event.kind === "remark") console.log(`  ${event.text}`);
  if (event.kind !== "test") return;
  if (event.outcome === "failed") console.log(`  ${styleText("red", "failed")}  ${event.title}`);
  else if (event.logs.length > 0) console.log(`  ${event.title}`);
  const lines = [...event.logs, ...event.details];
  if (lines.length > 0) console.log(indent(lines));
}

function report(name: string, passed: boolean, durationMs: number): void {
  const word = passed ? styleText("green", "ok    ") : styleText("red", "failed");
  console.log(`${name.padEnd(12)}${word}  ${seconds(durationMs)}`);
}

function indent(lines: readonly string[]): string {
  return lines.map((line) => `      ${line}`.trimEnd()).join("\n");
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}

await main(process.argv.slice(2).filter((argument) => argument !== "--"));
