// SPDX-License-Identifier: Apache-2.0

/**
 * Rounds of faults until the time is over: `npm run faults -- [options]`. `--help` lists the options.
 *
 * 1. Everything runs on the loopback interface, is started for this run alone, and is bounded in number and time.
 * 2. No process outlives this one, however it ends. Processes that can notice its end have a leash, the others a
 *    guard.
 * 3. A round whose harness fails fails the run as well, because it proves nothing.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { styleText } from "node:util";

import { existingBinary } from "../lib/nats/server.ts";
import { Scope } from "../lib/scope.ts";
import type { FaultsOptions } from "./options.ts";
import { HELP, parseOptions } from "./options.ts";
import { tooLong } from "./pauses.ts";
import type { RoundPlan } from "./plan.ts";
import { drawPlan } from "./plan.ts";
import { outcomeLine, planLine, repeatCommand, summaryLines } from "./report.ts";
import type { RoundOutcome } from "./round.ts";
import { runRound } from "./round.ts";

const EVIDENCE = join(import.meta.dirname, "..", "..", "build", "faults");
const MAX_SHOWN = 20;
const MS_PER_MINUTE = 60_000;
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

let scope = new Scope();

const parsed = parseOptions(process.argv.slice(2), Math.floor(Math.random() * 1_000_000));
if (parsed.kind === "help") {
  process.stdout.write(HELP);
} else if (parsed.kind === "wrong") {
  process.stderr.write(`faults: ${parsed.text}\nTry --help.\n`);
  process.exitCode = 2;
} else {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => void stop(signal));
  // At once: a socket whose other end was killed may be left, and would keep this process for ever.
  process.exit((await main(parsed.options)) ? 0 : 1);
}

/** True if every round was green. */
async function main({
  minutes,
  rounds,
  seed,
  scenario,
  replicas,
  maxPauseMs,
}: FaultsOptions): Promise<boolean> {
  try {
    await existingBinary();
  } catch (error) {
    process.stderr.write(`faults: ${(error as Error).message}\n`);
    return false;
  }
  const startedMs = performance.now();
  const outcomes: RoundOutcome[] = [];
  let isGreen = true;
  for (let index = 0; index < (rounds ?? Number.POSITIVE_INFINITY); index++) {
    if (performance.now() - startedMs > minutes * MS_PER_MINUTE) break;
    const plan = drawPlan(seed + index, { scenario, replicas });
    print(`round ${index + 1}, ${planLine(plan)}`);
    const outcome = await round(plan, maxPauseMs);
    if (outcome !== undefined) outcomes.push(outcome);
    if (outcome === undefined || outcome.violations.length > 0) isGreen = false;
  }
  print("");
  for (const line of summaryLines(outcomes, performance.now() - startedMs)) print(line);
  print(isGreen ? styleText("green", "nothing was lost") : styleText("red", "RED: see the rounds above"));
  return isGreen;
}

/** Undefined if the harness failed. */
async function round(plan: RoundPlan, maxPauseMs: number | undefined): Promise<RoundOutcome | undefined> {
  scope = new Scope();
  try {
    await using _ = scope;
    const onFault = (kind: string, number: number, acknowledged: number): void =>
      showProgress(`${number}/${plan.steps.length} ${kind}, ${acknowledged} acknowledged`);
    const ran = await runRound(scope, plan, { onFault });
    const long = ran.pauses && maxPauseMs !== undefined ? tooLong(ran.pauses, maxPauseMs) : [];
    const outcome = { ...ran, violations: [...ran.violations, ...long] };
    showProgress("");
    print(
      `  ${outcome.violations.length === 0 ? styleText("green", "ok") : styleText("red", "RED")} ${outcomeLine(outcome)}`,
    );
    if (outcome.violations.length > 0) explain(outcome);
    return outcome;
  } catch (error) {
    showProgress("");
    print(`  ${styleText("red", "broke off")} ${(error as Error).stack ?? String(error)}`);
    print(`  again: ${repeatCommand(plan)}`);
    return undefined;
  }
}

function explain({ plan, violations, output }: RoundOutcome): void {
  for (const violation of violations.slice(0, MAX_SHOWN)) print(`    ${violation}`);
  if (violations.length > MAX_SHOWN) print(`    and ${violations.length - MAX_SHOWN} more`);
  mkdirSync(EVIDENCE, { recursive: true });
  const file = join(EVIDENCE, `seed-${plan.seed}.txt`);
  const parts = [JSON.stringify(plan), "", ...violations, "", ...output];
  writeFileSync(file, `${parts.join("\n")}\n`);
  print(`  what the proxies said: ${file}`);
  print(`  again: ${repeatCommand(plan)}`);
}

/** Shows progress in one line that is overwritten, on a terminal only. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${text === "" ? "" : `  ${text}`}`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function stop(signal: keyof typeof EXIT_CODES): Promise<void> {
  await scope[Symbol.asyncDispose]().catch(() => undefined);
  process.exit(EXIT_CODES[signal]);
}
