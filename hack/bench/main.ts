// SPDX-License-Identifier: Apache-2.0

/**
 * Measures what a command costs through the proxy: `npm run bench -- [options]`, `--help` for the options.
 *
 * 1. User function, proxies, loader, servers of NATS and echo server each run in their own process, as they do in a
 *    pod. They communicate over the loopback interface alone.
 * 2. Everything is bounded: jobs by time or count, waits by timeouts, and children end with this process.
 * 3. A call that fails ends the run with exit code 1, because figures with errors in them mean nothing.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { casesWithYardsticks, logTargetsOf } from "./cases.ts";
import { withFirst } from "./change.ts";
import { startLoader, stopAll } from "./children.ts";
import { measureFootprint } from "./footprint.ts";
import { describeMachine, processorTime, shareOfOthers } from "./machine.ts";
import { measureRows } from "./measure-rows.ts";
import type { BenchOptions } from "./options.ts";
import { benchCommand, parseOptions } from "./options.ts";
import { measurePods } from "./pods/measure-pods.ts";
import type { Figure } from "./report.ts";
import { changesTable, footprintTable, rowsTable } from "./report.ts";
import type { Row } from "./row.ts";
import { jsonLine } from "./row.ts";
import type { Side, SideEnd } from "./servers.ts";
import { startServers } from "./servers.ts";
import { telemetryOf } from "./telemetry.ts";
import { sidesTable, startsTable, telemetryTable } from "./telemetry-report.ts";
import { measureStarts } from "./telemetry-starts.ts";

const WRONG_USAGE = 2;

/** Not in the system's folder for temporary files, because that may be in memory, where a sync costs nothing. */
const DATA_FOLDER = join(import.meta.dirname, "..", "..", "build", "bench");

const command = benchCommand().exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : WRONG_USAGE));
const options = parseOptions(process.argv.slice(2), command);
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
try {
  await run(options);
  process.exit();
} catch (error) {
  process.stderr.write(`bench: ${(error as Error).message}\n`);
  process.exit(1);
}

async function run({
  footprint,
  quick,
  pods,
  parts,
  data = DATA_FOLDER,
  ...rows
}: BenchOptions): Promise<void> {
  const { log, cases, json, telemetry } = rows;
  // Written first, so that a file that cannot be written fails at once, not after two minutes.
  if (json !== undefined) writeFileSync(json, "");
  mkdirSync(data, { recursive: true });
  const folder = mkdtempSync(join(data, "run-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const before = processorTime();
  print(`${describeMachine(folder)}\n`);
  if (pods !== undefined) {
    const settings = { ...rows, pods, quick, folder: join(folder, "pods"), loader: startLoader(), say };
    writeRows(json, await measurePods(settings, parts, print));
  }
  const figures = cases.length > 0 ? await measureCases(rows, folder) : [];
  if (telemetry.length > 0)
    print(`${startsTable(await measureStarts({ log, folder, quick, telemetry, say }))}\n`);
  if (footprint) figures.push(...(await measureFootprint({ log, folder, quick, say })));
  if (figures.length > 0) print(`${footprintTable(figures)}\n`);
  await stopAll();
  const others = 100 * shareOfOthers(before, processorTime());
  print(`meanwhile ${others.toFixed(0)} % of the processors' time went to other processes`);
}

type RowsOptions = Omit<BenchOptions, "footprint" | "quick" | "pods" | "parts" | "data">;

/** Measures the rows, and prints and writes them. Returns the most memory that a proxy had meanwhile. */
async function measureCases(options: RowsOptions, parent: string): Promise<Figure[]> {
  const { log, json, against, profile, telemetry } = options;
  const loader = startLoader();
  const cases = casesWithYardsticks(log, options.cases);
  const sides: readonly Side[] =
    telemetry.length > 0
      ? telemetry.map((name) => ({ telemetry: telemetryOf(name) }))
      : against === undefined
        ? [{}]
        : [{}, { checkout: against }];
  const ends = sides.map((): SideEnd[] => []);
  const targets = logTargetsOf(log, cases);
  const start = (number: number) =>
    startServers({
      targets,
      loader,
      profile,
      sides,
      folder: join(parent, `start-${number}`),
      onEnd: (side, end) => void ends[side]?.push(end),
    });
  const compared = telemetry.length === 0 ? undefined : { names: telemetry, compare: withFirst(telemetry) };
  const rows = await measureRows(cases, start, options, say, compared);
  print(`${rowsTable(rows)}\n`);
  if (against !== undefined) print(`${changesTable(rows)}\n`);
  writeRows(json, rows);
  if (telemetry.length > 0) {
    print(`${telemetryTable(rows, telemetry)}\n\n${sidesTable(telemetry, ends)}\n`);
    return [];
  }
  const peakBytes = Math.max(0, ...(ends[0] ?? []).map((end) => end.peakBytes));
  return [{ what: "under load, peak", measured: peakBytes / 1_048_576, unit: "MiB", budget: 160 }];
}

function writeRows(file: string | undefined, rows: readonly Row[]): void {
  if (file !== undefined) writeFileSync(file, rows.map((row) => `${jsonLine(row)}\n`).join(""));
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}
