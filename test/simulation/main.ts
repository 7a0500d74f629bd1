// SPDX-License-Identifier: Apache-2.0

/** Simulates clusters of proxies: `npm run simulate -- --help`. */

import { once } from "node:events";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";

import { Command, InvalidArgumentError, Option } from "commander";

import { IDLE_SIZES, idleTable, simulateIdle } from "./idle.ts";
import type { Mutant } from "./mutants.ts";
import { MUTANTS } from "./mutants.ts";
import { failureReport } from "./report.ts";
import type { Tally } from "./seeds.ts";
import { runSeeds } from "./seeds.ts";

/** How many seeds a thread takes at a time. */
const PORTION = 50;
const MAX_RED = 5;

interface Flags {
  readonly seeds: number;
  readonly from: number;
  readonly seed?: number;
  readonly mutant?: Mutant;
  readonly idle?: true;
}

const program = new Command("simulate")
  .description(
    "Simulates proxies with the real cluster logic, and a NATS, a log, clocks and faults that are drawn from a seed. " +
      "Checks after every step that no answer is stale, lost or doubled.",
  )
  .option("--seeds <count>", "how many", integer, 10_000)
  .option("--from <seed>", "the first", integer, 1)
  .option("--seed <seed>", "only this one, with everything that happens in it", integer)
  .addOption(
    new Option("--mutant <name>", "leave something out: the first seed that notices is shrunk").choices(
      MUTANTS,
    ),
  )
  .option(
    "--idle",
    "count the messages of pods that nobody calls, from one to a hundred, and of a thousand services",
  )
  .parse();

process.exitCode = (await main(program.opts<Flags>())) ? 0 : 1;

async function main({ seeds, from, seed, mutant, idle }: Flags): Promise<boolean> {
  if (idle === true) return print(idleTable(IDLE_SIZES.map(simulateIdle)), true);
  const startedMs = performance.now();
  if (seed !== undefined) return print(failureReport(seed, mutant), true);
  if (mutant !== undefined) {
    const { red, seeds: tried } = runSeeds(from, seeds, { mutant, maxRed: 1 });
    const [first] = red;
    if (first === undefined) return print(`without ${mutant}: not noticed in ${tried} seeds`, false);
    return print(`without ${mutant}: noticed after ${tried} seeds\n${failureReport(first, mutant)}`, true);
  }
  const tallies = await runInThreads(from, seeds);
  const red = tallies.flatMap((tally) => tally.red).sort((one, other) => one - other);
  for (const each of red.slice(0, MAX_RED)) print(`${failureReport(each)}\n`, false);
  const sum = (of: (tally: Tally) => number): number =>
    tallies.reduce((total, tally) => total + of(tally), 0);
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  const all = sum((tally) => tally.seeds);
  print(
    `${sum(({ steps }) => steps)} steps, ${sum(({ answered }) => answered)} commands in ${seconds} s`,
    true,
  );
  if (red.length > 0) print(`red: ${red.join(", ")}`, false);
  return print(`${all - red.length} passed, ${red.length} failed`, red.length === 0);
}

async function runInThreads(from: number, seeds: number): Promise<readonly Tally[]> {
  const tallies: Tally[] = [];
  let next = from;
  const lane = async (): Promise<void> => {
    const worker = new Worker(new URL("./seeds-worker.ts", import.meta.url));
    while (next < from + seeds) {
      const first = next;
      next += PORTION;
      const count = Math.min(PORTION, from + seeds - first);
      worker.postMessage({ first, count });
      const [tally] = (await once(worker, "message")) as [Tally];
      tallies.push(tally);
    }
    await worker.terminate();
  };
  await Promise.all(Array.from({ length: availableParallelism() }, lane));
  return tallies;
}

function print(text: string, isGood: boolean): boolean {
  process.stdout.write(`${text}\n`);
  return isGood;
}

function integer(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError("It is a whole number.");
}
