// SPDX-License-Identifier: Apache-2.0

/**
 * `npm run faults`: the fault tests that take longer than `npm test` may, then rounds of randomly drawn faults
 * (`test/faults/main.ts`).
 *
 * - `--short`: the fault tests in their short form, which takes some minutes; for continuous integration.
 * - Without options, or with `--minutes`: the same tests in full, then the rounds.
 * - With any other options: only the rounds, which get these options.
 *
 * If tests run, the last line is `N passed, N failed`. It counts all rounds together as one test.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { findClockBender } from "../test/lib/bent-clock.ts";
import { findChecker } from "../test/lib/linearizability/checker.ts";
import { prepareNatsServer } from "./verify/nats-server.ts";
import { prepare } from "./verify/prepare.ts";
import { runTests } from "./verify/run-tests.ts";
import { toolEnvironment } from "./verify/step.ts";
import type { Counts } from "./verify/summary.ts";
import { add, NOTHING, summaryLine } from "./verify/summary.ts";

const ROOT = join(import.meta.dirname, "..");
const ROUNDS = join("test", "faults", "main.ts");

await main(process.argv.slice(2).filter((argument) => argument !== "--"));

async function main(args: readonly string[]): Promise<void> {
  const isShort = args.length === 1 && args[0] === "--short";
  const isWhole = args.length === 0 || (args.length === 2 && args[0] === "--minutes");
  if (!isShort && !isWhole) {
    process.exitCode = await rounds(args);
    return;
  }
  await prepareNatsServer((text) => console.log(`${"nats-server".padEnd(12)}${text}`));
  await prepare(whyNoChecker, (text) => console.log(`${"porcupine".padEnd(12)}${text}`));
  await prepare(whyNoBentClocks, (text) => console.log(`${"libfaketime".padEnd(12)}${text}`));
  const tests = await runTests(ROOT, ["--config", "faults.config.js"], {
    argv: [process.execPath],
    env: { PERDURE_TEST_SIZE: isShort ? "short" : "full" },
  });
  const counts = isShort ? tests : add(tests, countOf(await rounds(args)));
  console.log(summaryLine(counts));
  if (counts.failed > 0) process.exitCode = 1;
}

/** The checker of linearizability is a program that is built from a Go module. */
async function whyNoChecker(): Promise<string | undefined> {
  const built = await findChecker();
  return built.kind === "built" ? undefined : built.reason;
}

/** A library of Debian's that makes the clocks of a process wrong. */
async function whyNoBentClocks(): Promise<string | undefined> {
  const found = await findClockBender();
  return found.kind === "found" ? undefined : found.reason;
}

function countOf(code: number): Counts {
  return code === 0 ? { ...NOTHING, passed: 1 } : { ...NOTHING, failed: 1 };
}

/** Returns their exit code. Signals are forwarded, so that the rounds can end what they have started. */
async function rounds(args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [ROUNDS, ...args], {
    cwd: ROOT,
    env: toolEnvironment(ROOT),
    stdio: "inherit",
  });
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, forward);
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}
