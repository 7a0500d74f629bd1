// SPDX-License-Identifier: Apache-2.0

import { casesWithYardsticks } from "./cases.ts";
import type { Case } from "./cases.ts";
import type { LoaderProcess } from "./loader-process.ts";
import type { Load, LoadJob } from "./messages.ts";
import type { BenchOptions } from "./options.ts";
import { toRow } from "./row.ts";
import type { Row } from "./row.ts";
import type { Servers } from "./servers.ts";

/** The calls of a row go to so many entities in turn. */
const ENTITIES = 1_000;

/** With so many callers each case is run once before anything counts, so that all code is compiled. */
const WARM_UP_CALLERS = 64;
const WARM_UP_SECONDS = 2;

const SAMPLE_INTERVAL_MS = 50;

export interface Measured {
  readonly rows: readonly Row[];
  /** The most memory that the proxy with the SQLite log had. */
  readonly peakResidentBytes: number;
}

/**
 * Measures the cases with each number of callers. A row is measured in rounds, and each round goes through all cases,
 * so that a drift of the machine hits all of them.
 */
export async function measureRows(
  servers: Servers,
  loader: LoaderProcess,
  options: BenchOptions,
  say: (text: string) => void,
): Promise<Measured> {
  const cases = casesWithYardsticks(options.cases);
  using memory = sampleMemory(servers);
  const jobOf = (measured: Case, callers: number, until: LoadJob["until"]): LoadJob => {
    const { protocol, call, target } = measured;
    return {
      port: servers.ports[target],
      protocol,
      call,
      callers,
      firstEntity: 0,
      entities: ENTITIES,
      until,
    };
  };
  await warmUp(cases, loader, options, jobOf, say);

  const rows: Row[] = [];
  const measureMs = (options.seconds * 1_000) / options.rounds;
  for (const callers of options.callers) {
    const loads = new Map<string, Load[]>(cases.map(({ name }) => [name, []]));
    for (let round = 1; round <= options.rounds; round++) {
      for (const measured of cases) {
        const what = `${measured.name}, ${callers} callers, round ${round} of ${options.rounds}`;
        say(what);
        const until = { kind: "time", warmUpMs: Math.min(300, measureMs * 0.3), measureMs } as const;
        loads.get(measured.name)?.push(await loader.run(what, jobOf(measured, callers, until)));
      }
    }
    for (const measured of cases) {
      const yardstick = loads.get(measured.yardstick) ?? [];
      rows.push(toRow(measured, callers, loads.get(measured.name) ?? [], yardstick));
    }
  }
  const position = new Map(cases.map(({ name }, i) => [name, i]));
  rows.sort((a, b) => (position.get(a.case) ?? 0) - (position.get(b.case) ?? 0) || a.callers - b.callers);
  return { rows, peakResidentBytes: memory.peakBytes };
}

/** Gives every cart of every target its item, then lets each case run hot. */
async function warmUp(
  cases: readonly Case[],
  loader: LoaderProcess,
  options: BenchOptions,
  jobOf: (measured: Case, callers: number, until: LoadJob["until"]) => LoadJob,
  say: (text: string) => void,
): Promise<void> {
  const filled = new Set<string>();
  for (const measured of cases) {
    if (filled.has(measured.target)) continue;
    filled.add(measured.target);
    say(`filling the carts of ${measured.target}`);
    const job = jobOf(measured, WARM_UP_CALLERS, { kind: "calls", perEntity: 1 });
    const protocol = measured.protocol === "http" ? "grpc" : measured.protocol;
    await loader.run(`filling ${measured.target}`, { ...job, protocol, call: "addItem" });
  }
  const measureMs = Math.min(WARM_UP_SECONDS, options.seconds) * 1_000;
  for (const measured of cases) {
    say(`warming up ${measured.name}`);
    const job = jobOf(measured, WARM_UP_CALLERS, { kind: "time", warmUpMs: 0, measureMs });
    await loader.run(`warming up ${measured.name}`, job);
  }
}

/** Looks at the proxy's memory until it is disposed of; a run that fails must not go on looking. */
function sampleMemory({ sqliteProxy }: Servers): Disposable & { readonly peakBytes: number } {
  let peakBytes = sqliteProxy.residentBytes();
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, sqliteProxy.residentBytes());
  }, SAMPLE_INTERVAL_MS);
  return {
    get peakBytes() {
      return peakBytes;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
