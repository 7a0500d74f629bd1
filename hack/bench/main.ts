// SPDX-License-Identifier: Apache-2.0

/**
 * Measures what a command costs through the proxy: `npm run bench -- [options]`, `--help` for the options.
 *
 * 1. User function, proxies, loader, publishers, servers of NATS and echo server each run in their own process, as
 *    they do in a pod. They communicate over the loopback interface alone.
 * 2. Everything is bounded: jobs by time or count, waits by timeouts, and children end with this process.
 * 3. A call that fails ends the run with exit code 1, because figures with errors in them mean nothing.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Finding } from "./budget.ts";
import { footprintFindings, rowFindings } from "./budget.ts";
import { casesWithYardsticks } from "./cases.ts";
import { Children } from "./children.ts";
import { syncedWriteUs } from "./disk.ts";
import { measureFootprint } from "./footprint.ts";
import { FULL, QUICK } from "./footprint-bench.ts";
import { startLoader } from "./job-process.ts";
import { openLogPlace } from "./log-place.ts";
import { describeMachine } from "./machine.ts";
import type { CaseRuns } from "./measure-rows.ts";
import { measureRows } from "./measure-rows.ts";
import { manyEntitiesFigures } from "./nats/figures.ts";
import { MANY_FULL, MANY_QUICK, measureManyEntities } from "./nats/many-entities.ts";
import { natsRowFindings } from "./nats/row-findings.ts";
import { startNatsServers } from "./nats/servers.ts";
import type { BenchOptions } from "./options.ts";
import { HELP, parseOptions } from "./options.ts";
import { disturbanceBetween, processorTime } from "./processor-share.ts";
import { changesTable, figuresTable, findingsTable, rowsTable } from "./report.ts";
import { samplePeak } from "./resident-memory.ts";
import type { Row } from "./row.ts";
import { jsonLine } from "./row.ts";
import type { ServersSettings } from "./servers.ts";
import { startServers } from "./servers.ts";

/**
 * Where logs are written by default. Not in the system's folder for temporary files, because that may be in memory,
 * where a sync costs nothing.
 */
const DATA_FOLDER = join(import.meta.dirname, "..", "..", "build", "bench");

const parsed = parseOptions(process.argv.slice(2));
if (parsed.kind === "help") {
  process.stdout.write(HELP);
} else if (parsed.kind === "wrong") {
  process.stderr.write(`bench: ${parsed.text}\nTry --help.\n`);
  process.exitCode = 2;
} else {
  await main(parsed.options);
}

async function main(options: BenchOptions): Promise<void> {
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
  try {
    const dataFolder = options.dataFolder ?? DATA_FOLDER;
    mkdirSync(dataFolder, { recursive: true });
    const folder = mkdtempSync(join(dataFolder, "run-"));
    process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    await run(options, folder);
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}

async function run(options: BenchOptions, folder: string): Promise<void> {
  // Written first, so that a file that cannot be written fails at once, not after two minutes.
  if (options.jsonFile !== undefined) writeFileSync(options.jsonFile, "");
  const before = processorTime();
  await measure(options, folder);
  const { others, stolen } = disturbanceBetween(before, processorTime());
  print(
    `meanwhile ${percent(others)} of the processors' time went to other processes, ${percent(stolen)} to other machines`,
  );
}

async function measure(options: BenchOptions, folder: string): Promise<void> {
  const { log, quick, entities, streams } = options;
  await using children = new Children();
  const loader = startLoader(children);
  const writeUs = syncedWriteUs(folder);
  print(`${new Date().toISOString().slice(0, 10)}, ${describeMachine()}`);
  print(`a synced write of 256 bytes takes ${writeUs.toFixed(0)} µs (median)\n`);

  const findings: Finding[] = [];
  let peakBytes: number | undefined;
  if (options.cases.length > 0) {
    const { profileFolder, against } = options;
    const settings = { children, loader, folder, profileFolder, against, streams };
    const measured = await measureCases(settings, options);
    ({ peakBytes } = measured);
    findings.push(...(log === "nats" ? natsRowFindings(measured.rows) : rowFindings(measured.rows, writeUs)));
  }
  if (options.footprint) {
    await using place = await openLogPlace(log, folder, streams);
    const sizes = quick ? QUICK : FULL;
    const footprint = await measureFootprint({ children, loader, place, folder, sizes, say });
    findings.push(...footprintFindings(footprint, peakBytes));
  }
  if (findings.length > 0) print(`${findingsTable(findings)}\n`);
  if (entities !== undefined) {
    const sizes = quick ? MANY_QUICK : MANY_FULL;
    const many = await measureManyEntities({ children, loader, folder, entities, streams, sizes, say });
    print(`${figuresTable(manyEntitiesFigures(many))}\n`);
  }
}

/** Measures the rows, and prints and writes them. Returns them with the most memory that a proxy had meanwhile. */
async function measureCases(
  settings: ServersSettings,
  options: BenchOptions,
): Promise<{ readonly rows: readonly Row[]; readonly peakBytes: number }> {
  const { log, jsonFile } = options;
  const cases = casesWithYardsticks(log, options.cases);
  let peakBytes = 0;
  const start = async (number: number): Promise<CaseRuns & AsyncDisposable> => {
    const folder = join(settings.folder, `start-${number}`);
    mkdirSync(folder);
    const servers = await (log === "nats" ? startNatsServers : startServers)({ ...settings, folder });
    const memory = samplePeak(() => servers.proxy.residentBytes());
    return {
      runCase: servers.runCase,
      runOther: servers.runOther,
      [Symbol.asyncDispose]: async () => {
        peakBytes = Math.max(peakBytes, memory.peakBytes);
        memory[Symbol.dispose]();
        await servers[Symbol.asyncDispose]();
        rmSync(folder, { recursive: true });
      },
    };
  };
  const rows = await measureRows(cases, start, options, say);
  print(`${rowsTable(rows)}\n`);
  if (options.against !== undefined) print(`${changesTable(rows)}\n`);
  if (jsonFile !== undefined) writeFileSync(jsonFile, rows.map((row) => `${jsonLine(row)}\n`).join(""));
  return { rows, peakBytes };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Prints progress to standard error. */
function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}
