// SPDX-License-Identifier: Apache-2.0

/** Checks the formal model of the cluster: `npm run spec -- --help`. */

import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { Command, Option } from "commander";

import { debianProgram } from "../../test/lib/debian-program.ts";
import type { Run } from "./runs.ts";
import { RUNS } from "./runs.ts";
import type { Search } from "./search.ts";
import { search } from "./search.ts";

const FOLDER = join(import.meta.dirname, "..", "..", "spec");

/** For continuous integration: this machine cannot run it. */
const SKIPPED = 3;

/** Each takes up to 2 GiB. */
const MOST_AT_A_TIME = 2;

interface Flags {
  readonly only?: string;
  readonly trace?: boolean;
}

const program = new Command("spec")
  .description(
    "Searches all states of spec/cluster.pml with spin, then those of its mutants, each of which must be found out.",
  )
  .addOption(new Option("--only <name>", "one of them").choices(RUNS.map(({ name }) => name)))
  .option("--trace", "print the steps that lead to each violation")
  .addHelpText(
    "after",
    `\nIt needs gcc, and spin or apt-get. Exit code ${SKIPPED}: this machine lacks one of them.`,
  )
  .parse();

process.exitCode = await main(program.opts<Flags>());

async function main({ only, trace = false }: Flags): Promise<number> {
  const spin = await debianProgram({ package: "spin", path: "usr/bin/spin", trial: ["-V"] });
  if (spin.kind === "missing") return skip(spin.reason);
  if (!(await hasCompiler())) return skip("there is no gcc; install Debian's package gcc");
  const waiting = RUNS.filter(({ name }) => only === undefined || name === only).values();
  let passed = 0;
  let failed = 0;
  const lane = async (path: string): Promise<void> => {
    for (const run of waiting) {
      const isRight = await check(path, run, trace);
      passed += isRight ? 1 : 0;
      failed += isRight ? 0 : 1;
    }
  };
  const lanes = Math.min(MOST_AT_A_TIME, availableParallelism());
  await Promise.all(Array.from({ length: lanes }, () => lane(spin.path)));
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

function skip(reason: string): number {
  process.stderr.write(`spec: ${reason}\n`);
  return SKIPPED;
}

/** It is more than one file, so it cannot be had without being installed. */
function hasCompiler(): Promise<boolean> {
  return promisify(execFile)("gcc", ["--version"]).then(
    () => true,
    () => false,
  );
}

/** Whether the search found what it should. */
async function check(spin: string, run: Run, isTraced: boolean): Promise<boolean> {
  try {
    const found = await search(spin, FOLDER, run);
    const isRight = (found.violation === undefined) === (run.expected === "nothing");
    const steps = isRight && !isTraced ? [] : found.trace.map((step) => `    ${step}`);
    process.stdout.write(`${[lineOf(run, found, isRight), ...steps].join("\n")}\n`);
    return isRight;
  } catch (error) {
    process.stdout.write(`failed  ${run.name}: ${(error as Error).message}\n`);
    return false;
  }
}

function lineOf({ name, without }: Run, { violation, states, seconds }: Search, isRight: boolean): string {
  const verdict = isRight ? "ok    " : "failed";
  const mutant = without === "" ? "" : ` (without ${without})`;
  const result = violation === undefined ? "every state is right" : `red: ${violation}`;
  return `${verdict}  ${name}${mutant}: ${states} states in ${seconds.toFixed(1)} s; ${result}`;
}
