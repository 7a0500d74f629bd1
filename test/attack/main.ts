// SPDX-License-Identifier: Apache-2.0

/**
 * Attacks on a proxy: `npm run attack -- [options]`. `--help` lists the options.
 *
 * 1. Everything runs on loopback addresses, is started for this run alone, and is bounded in number and time.
 * 2. No process outlives this one, however it ends, because each has a leash (`test/lib/leash.ts`).
 * 3. An attack that could not be made fails the run as well, because it proves nothing.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { styleText } from "node:util";

import { Scope } from "../lib/scope.ts";
import type { Attack } from "./attack.ts";
import { loadAttacks } from "./attacks.ts";
import type { Observation, Strictness } from "./judge.ts";
import type { AttackOptions } from "./options.ts";
import { CGROUP_MIB, HELP, parseOptions } from "./options.ts";
import type { Case } from "./plan.ts";
import { planCases, unknownNames } from "./plan.ts";
import type { Result } from "./report.ts";
import {
  boundsLine,
  caseName,
  countsText,
  headLine,
  isAsExpected,
  listLines,
  repeatCommand,
  rowLine,
  summaryLine,
} from "./report.ts";
import type { QuietRun, Times } from "./run-attack.ts";
import { runAttack, runQuiet } from "./run-attack.ts";
import type { OpenWorld } from "./world.ts";
import { openProxyWorld } from "./world.ts";

const EVIDENCE = join(import.meta.dirname, "..", "..", "build", "attack");
const LONG: Times = { warmUpMs: 2_000, quietMs: 60_000, afterMs: 10_000 };
const SHORT: Times = { warmUpMs: 500, quietMs: 3_000, afterMs: 2_000 };
const DEFAULT_SECONDS = { long: 15, short: 1.5 };

const MIB = 1_048_576;
const MS_PER_MINUTE = 60_000;
const MS_PER_SECOND = 1_000;
const WRONG_USAGE = 2;
const SKIPPED = 3;
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

let scope = new Scope();

const attacks = await loadAttacks();
const parsed = parseOptions(process.argv.slice(2), Math.floor(Math.random() * 1_000_000));
if (parsed.kind === "help") {
  process.stdout.write(HELP);
} else if (parsed.kind === "list") {
  for (const line of listLines(attacks)) print(line);
} else if (parsed.kind === "wrong") {
  wrongUsage(parsed.text);
} else if (unknownNames(attacks, parsed.options.only).length > 0) {
  wrongUsage(
    `there is no attack "${unknownNames(attacks, parsed.options.only).join('", "')}"; --list shows all`,
  );
} else if (process.platform !== "linux") {
  print("skipped: only Linux has a loopback network of 16 million addresses, and /proc");
  process.exitCode = SKIPPED;
} else {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => void stop(signal));
  process.exitCode = (await main(attacks, parsed.options)) ? 0 : 1;
}

/** What a run gathers. */
interface Run {
  readonly options: AttackOptions;
  readonly times: Times;
  /** Quiet figures of each world, because each kind of target has its own bystanders. */
  readonly quiet: Map<OpenWorld, Observation>;
  readonly records: object[];
}

/** True if everything went as expected. */
async function main(all: readonly Attack[], options: AttackOptions): Promise<boolean> {
  const { only, isShort, minutes = 0, seed, goal, json } = options;
  const startedMs = performance.now();
  const run: Run = { options, times: isShort ? SHORT : LONG, quiet: new Map(), records: [] };
  const cases = planCases(all, { only, together: isShort, goal });
  const results: (boolean | undefined)[] = [];
  print(`seed ${seed}, ${cases.length} attacks`);
  print(headLine());
  for (let round = 0; round === 0 || performance.now() - startedMs < minutes * MS_PER_MINUTE; round++)
    for (const each of cases) results.push(await runCase(run, each, seed + round));
  if (json !== undefined)
    writeFileSync(json, `${JSON.stringify({ seed, isShort, goal, results: run.records }, undefined, 2)}\n`);
  print(`\ntotal time ${((performance.now() - startedMs) / MS_PER_SECOND).toFixed(0)} s`);
  print(summaryLine(results));
  return !results.includes(false) && results.length > 0;
}

async function runCase(run: Run, planned: Case, seed: number): Promise<boolean | undefined> {
  const result = await resultOf(run, planned, seed);
  showProgress("");
  const name = caseName(planned);
  const isGood = isAsExpected(planned, result);
  const verdict =
    isGood === undefined ? "-" : isGood ? styleText("green", "ok    ") : styleText("red", "RED   ");
  switch (result.kind) {
    case "skipped":
      print(`${name.padEnd(36)}  skipped: ${result.why}`);
      break;
    case "broken":
      print(`${name.padEnd(36)}  ${verdict}  ${result.error}`);
      break;
    case "judged":
      explain(run, planned, seed, result, verdict);
  }
  run.records.push({ name, seed, isGood, expected: planned.expected, result: withoutOutput(result) });
  return isGood;
}

function explain(
  run: Run,
  planned: Case,
  seed: number,
  result: Result & { kind: "judged" },
  verdict: string,
): void {
  const { observation, counts, violations, output } = result.outcome;
  const name = caseName(planned);
  print(rowLine(name, verdict, observation, counts));
  for (const violation of violations) print(`    ${violation}`);
  if (isAsExpected(planned, result) === true) return;
  if (planned.expected === "falls")
    print(`    it stands without ${Object.keys(planned.flags).join(", ")}: that is not what holds it`);
  print(`    again: ${repeatCommand(name, seed, run.options.isShort, run.options.goal)}`);
  mkdirSync(EVIDENCE, { recursive: true });
  const file = join(EVIDENCE, `${name.replaceAll(/[^a-z0-9-]+/g, "_")}.txt`);
  writeFileSync(file, `${[...violations, "", ...output].join("\n")}\n`);
  print(`    what the process said: ${file}`);
}

async function resultOf(run: Run, { attack, ways, flags, skip }: Case, seed: number): Promise<Result> {
  if (skip !== undefined) return { kind: "skipped", why: skip };
  const { options, times } = run;
  const openWorld = attack.openWorld ?? openProxyWorld;
  const seconds = (attack.seconds ?? DEFAULT_SECONDS)[options.isShort ? "short" : "long"];
  const { wantsCgroup } = options;
  const { limitMib, maxMib } = attack.memory ?? { limitMib: CGROUP_MIB, maxMib: options.maxMemoryMib };
  const world = { openWorld, memoryBytes: limitMib * MIB, wantsCgroup, times };
  try {
    const quiet = run.quiet.get(openWorld) ?? (await measureQuiet(run, world));
    run.quiet.set(openWorld, quiet);
    const p99 = Object.entries(quiet.bystanders).map(([name, { p99Ms }]) => [name, p99Ms] as const);
    const maxBytes = maxMib * MIB;
    const limits = { maxBytes, quietP99Ms: Object.fromEntries(p99), strictness: strictness(attack, options) };
    const durationMs = seconds * MS_PER_SECOND;
    const outcome = await inScope((own) =>
      runAttack(own, { attack, ways, flags, seed, durationMs, limits, ...world }, (counts, bytes) =>
        showProgress(`${attack.name}: ${Math.round(bytes / MIB)} MiB, ${countsText(counts)}`),
      ),
    );
    return { kind: "judged", outcome };
  } catch (error) {
    return { kind: "broken", error: (error as Error).stack ?? String(error) };
  }
}

function strictness(attack: Attack, { isShort }: AttackOptions): Strictness {
  if (attack.measuresMemory === true) return "memory";
  if (isShort) return "rough";
  return attack.isBurst === true ? "burst" : "strict";
}

async function measureQuiet(run: Run, world: QuietRun): Promise<Observation> {
  showProgress(`a quiet time of ${run.times.quietMs / MS_PER_SECOND} s`);
  const quiet = await inScope((own) => runQuiet(own, world));
  showProgress("");
  // A world without bystanders has no quiet figures.
  if (Object.keys(quiet.bystanders).length === 0) return quiet;
  print(rowLine("(quiet)", "", quiet, {}));
  print(boundsLine(quiet));
  if (quiet.memoryFrom === "process")
    print("  no cgroup: its memory is what /proc says, without the buffers of its sockets");
  run.records.push({ name: "quiet", observation: quiet });
  return quiet;
}

/** With a scope of its own, which `stop` disposes of as well. */
async function inScope<T>(work: (scope: Scope) => Promise<T>): Promise<T> {
  scope = new Scope();
  await using own = scope;
  return await work(own);
}

function withoutOutput(result: Result): object {
  if (result.kind !== "judged") return result;
  const { output: _output, ...outcome } = result.outcome;
  return { kind: result.kind, outcome };
}

/** Shows progress in one line that is overwritten, on a terminal only. */
function showProgress(text: string): void {
  const columns = process.stderr.columns ?? 80;
  if (process.stderr.isTTY)
    process.stderr.write(`\r\u001b[2K${text === "" ? "" : `  ${text}`.slice(0, columns - 1)}`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function wrongUsage(text: string): void {
  process.stderr.write(`attack: ${text}\nTry --help.\n`);
  process.exitCode = WRONG_USAGE;
}

async function stop(signal: keyof typeof EXIT_CODES): Promise<void> {
  await scope[Symbol.asyncDispose]().catch(() => undefined);
  process.exit(EXIT_CODES[signal]);
}
