// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { styleText } from "node:util";

import { toolEnvironment } from "./step.ts";
import type { Counts, Exit } from "./summary.ts";
import { judgeTests } from "./summary.ts";
import type { TestEvent } from "./test-event.ts";
import { readTestEvent } from "./test-event.ts";

/**
 * How long the tests may be silent before they are killed, in milliseconds, because AVA waits forever for a test
 * process that does not end (for example if a failed test left a log open). Longer than the longest test, which may
 * have to build a peer in Go first (10 minutes).
 */
const SILENCE_MS = 660_000;

/**
 * How the tests are started: a command to which AVA's script and arguments are appended, and variables that are added
 * to its environment.
 */
export interface TestRunner {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Runs AVA's tests, shows how they end and what they log, and counts them. */
export async function runTests(
  root: string,
  args: readonly string[],
  runner: TestRunner = { argv: [process.execPath], env: {} },
): Promise<Counts> {
  const startedMs = performance.now();
  console.log(`${"tests".padEnd(12)}running`);
  const [program = "", ...before] = runner.argv;
  const child = spawn(program, [...before, "hack/verify/ava.ts", "--tap", ...args], {
    cwd: root,
    env: { ...toolEnvironment(root), ...runner.env },
    // AVA passes the tests' own output to its standard error, which is shown as it comes.
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit") as Promise<[Exit["code"], Exit["signal"]]>;
  const events: TestEvent[] = [];
  const running = new Set<string>();
  const silence = setTimeout(() => {
    const silent = `nothing was heard of the tests for ${seconds(SILENCE_MS)}`;
    console.log(`  ${silent}, so they were ended; these did not end: ${[...running].join(", ")}`);
    child.kill("SIGKILL");
  }, SILENCE_MS);
  for await (const line of createInterface({ input: child.stdout })) {
    silence.refresh();
    const event = readTestEvent(line);
    if (event === undefined) continue;
    if (event.kind !== "file") events.push(event);
    else if (event.isRunning) running.add(event.file);
    else running.delete(event.file);
    show(event);
  }
  const [code, signal] = await exited;
  clearTimeout(silence);
  const { counts, problems } = judgeTests(events, { code, signal });
  for (const problem of problems) console.log(`  ${styleText("red", "failed")}  ${problem}`);
  report("tests", counts.failed === 0, performance.now() - startedMs);
  return counts;
}

function show(event: TestEvent): void {
  if (event.kind === "remark") console.log(`  ${event.text}`);
  if (event.kind !== "test") return;
  if (event.outcome === "failed") console.log(`  ${styleText("red", "failed")}  ${event.title}`);
  else if (event.logs.length > 0) console.log(`  ${event.title}`);
  const lines = [...event.logs, ...event.details];
  if (lines.length > 0) console.log(indent(lines));
}

/** Prints one line with the result of a check. */
export function report(name: string, passed: boolean, durationMs: number): void {
  const word = passed ? styleText("green", "ok    ") : styleText("red", "failed");
  console.log(`${name.padEnd(11)} ${word}  ${seconds(durationMs)}`);
}

export function indent(lines: readonly string[]): string {
  return lines.map((line) => `      ${line}`.trimEnd()).join("\n");
}

export function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}
