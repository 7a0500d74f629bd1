// SPDX-License-Identifier: Apache-2.0

import type { Case } from "./cases.ts";
import { isProxied, yardstickOf } from "./cases.ts";
import type { Compare } from "./change.ts";
import { withOtherCheckout } from "./change.ts";
import type { Job, Load, LoadCall } from "./loader/job.ts";
import { range } from "./loader/job.ts";
import type { BenchOptions } from "./options.ts";
import type { Row } from "./row.ts";
import { toRow } from "./row.ts";

/** The calls of a row go to so many entities in turn. */
const ENTITIES = range(0, 1_000);

/** Number of callers with which each case runs once before anything counts, so that all code is compiled. */
const WARM_UP_CALLERS = 64;
const WARM_UP_SECONDS = 2;

/**
 * A round of a few seconds begins with so much that does not count: a proxy that was idle, because others were
 * measured, gets the young generation of a busy one within a second (`cmd/proxy/heap.ts`). Shorter rounds have less.
 */
const ROUND_WARM_UP_MS = 1_200;
const ROUND_WARM_UP_PART = 0.3;

/** Runs a job of a case. `what` describes the job in errors. */
export type RunCase = (what: string, measured: Case, job: CallerJob) => Promise<Load>;
type CallerJob = Pick<Job, "callers" | "entities" | "until">;

/** Ways to run a case: with the proxies of each side, which are two checkouts, or differ in their telemetry. */
export type Runs = readonly RunCase[];

export interface Servers extends AsyncDisposable {
  readonly runs: Runs;
}

type RowOptions = Pick<BenchOptions, "callers" | "seconds" | "rounds" | "starts">;

/** What the runs are called, and how they are compared. */
export interface Sides {
  readonly names: readonly string[];
  readonly compare: Compare;
}

const CHECKOUTS: Sides = { names: ["", "other checkout"], compare: withOtherCheckout };

/**
 * Measures the cases with each number of callers. A row is measured in rounds, and each round goes through all cases,
 * so that a drift of the machine affects all of them. The proxies of the sides are measured one right after the other,
 * in every other round the other way round. The servers are started several times, and the rounds are divided among
 * these starts.
 *
 * @param start starts the servers; its argument numbers the starts, from 1.
 */
export async function measureRows(
  cases: readonly Case[],
  start: (number: number) => Promise<Servers>,
  { callers: callerNumbers, seconds, rounds, starts }: RowOptions,
  say: (text: string) => void,
  { names, compare }: Sides = CHECKOUTS,
): Promise<Row[]> {
  const rows = cases.flatMap((measured) =>
    callerNumbers.map((callers) => ({ measured, callers, loads: names.map((): Load[] => []) })),
  );
  const measureMs = (seconds * 1_000) / rounds;
  const until = {
    kind: "time",
    warmUpMs: Math.min(ROUND_WARM_UP_MS, measureMs * ROUND_WARM_UP_PART),
    measureMs,
  } as const;
  for (let number = 1; number <= starts; number++) {
    await using servers = await start(number);
    await warmUp(cases, servers.runs, seconds, say);
    const first = Math.floor(((number - 1) * rounds) / starts);
    const last = Math.floor((number * rounds) / starts);
    for (const callers of callerNumbers) {
      for (let round = first + 1; round <= last; round++) {
        for (const { measured, loads } of rows.filter((row) => row.callers === callers)) {
          const sides = [...runsOf(measured, servers.runs).entries()];
          for (const [side, run] of round % 2 === 1 ? sides : sides.toReversed()) {
            const whose = isProxied(measured) && names[side] ? `, ${names[side]}` : "";
            const what = `${measured.name}${whose}, ${callers} callers, round ${round} of ${rounds}`;
            say(what);
            const load = await run(what, measured, { callers, entities: ENTITIES, until });
            if (load.calls === 0) throw new Error(`${what}: no call was both begun and answered in time`);
            loads[side]?.push(load);
          }
        }
      }
    }
  }
  return rows.map(({ measured, callers, loads }) => {
    const yardstick = yardstickOf(measured, cases);
    const direct = rows.find((row) => row.measured === yardstick && row.callers === callers);
    const changes = isProxied(measured) ? compare(callers, loads) : [];
    return toRow(measured, callers, loads[0] ?? [], direct?.loads[0] ?? [], changes);
  });
}

/** What no proxy answers is the same for all sides. */
function runsOf(measured: Case, runs: Runs): Runs {
  return isProxied(measured) ? runs : runs.slice(0, 1);
}

/** The call that fills the carts for each call. An action has no carts. */
const FILLED_BY: Readonly<Record<LoadCall, LoadCall | undefined>> = {
  addItem: "addItem",
  getCart: "addItem",
  addToValue: "addToValue",
  find: undefined,
};

/**
 * Fills every cart of every target with its item, then runs each case until its code is compiled. All sides take
 * turns in each step, because a process that was idle during the warm-up of the other was a sixth slower in all later
 * measurements.
 */
async function warmUp(
  cases: readonly Case[],
  runs: Runs,
  seconds: number,
  say: (text: string) => void,
): Promise<void> {
  const runAll = async (what: string, measured: Case, until: Job["until"]): Promise<void> => {
    say(what);
    const job = { callers: WARM_UP_CALLERS, entities: ENTITIES, until };
    for (const run of runsOf(measured, runs)) await run(what, measured, job);
  };
  const filled = new Set<string>();
  for (const measured of cases) {
    const call = FILLED_BY[measured.call];
    const what = `filling the carts of ${measured.target} by ${call}`;
    if (call === undefined || filled.has(what)) continue;
    filled.add(what);
    const protocol = measured.protocol === "http" ? "grpc" : measured.protocol;
    await runAll(what, { ...measured, protocol, call }, { kind: "calls", perEntity: 1 });
  }
  const measureMs = Math.min(WARM_UP_SECONDS, seconds) * 1_000;
  for (const measured of cases)
    await runAll(`warming up ${measured.name}`, measured, { kind: "time", warmUpMs: 0, measureMs });
}
