// SPDX-License-Identifier: Apache-2.0

import type { Case } from "./cases.ts";
import { isProxied, yardstickOf } from "./cases.ts";
import { changesOf } from "./change.ts";
import type { Job, Load, LoadCall } from "./messages.ts";
import { range } from "./messages.ts";
import type { BenchOptions } from "./options.ts";
import type { Row } from "./row.ts";
import { toRow } from "./row.ts";

/** The calls of a row go to so many entities in turn. */
const ENTITIES = range(0, 1_000);

/** Number of callers with which each case runs once before anything counts, so that all code is compiled. */
const WARM_UP_CALLERS = 64;
const WARM_UP_SECONDS = 2;

/** Runs a job of a case. `what` describes the job in errors. */
export type RunCase = (what: string, measured: Case, job: Job) => Promise<Load>;

export interface CaseRuns {
  readonly runCase: RunCase;
  /** With the proxies of another checkout. Undefined: there is none. */
  readonly runOther: RunCase | undefined;
}

export type RowOptions = Pick<BenchOptions, "callers" | "seconds" | "rounds" | "starts">;

/** What was measured of one case with one number of callers, round by round. */
interface Loads {
  readonly own: Load[];
  readonly other: Load[];
}

/**
 * Measures the cases with each number of callers. A row is measured in rounds, and each round goes through all cases,
 * so that a drift of the machine affects all of them. The proxy of another checkout is measured right before this
 * one's in every other round, and right after it in the rest. The servers are started several times, and the rounds
 * are divided among these starts.
 *
 * @param start starts the servers; its argument numbers the starts, from 1.
 */
export async function measureRows(
  cases: readonly Case[],
  start: (number: number) => Promise<CaseRuns & AsyncDisposable>,
  options: RowOptions,
  say: (text: string) => void,
): Promise<Row[]> {
  const callerNumbers = options.callers.toSorted((a, b) => a - b);
  const all = new Map(
    cases.map((measured) => [measured, callerNumbers.map((): Loads => ({ own: [], other: [] }))]),
  );
  const { rounds, starts } = options;
  for (let number = 1; number <= starts; number++) {
    await using runs = await start(number);
    await warmUp(cases, runs, options.seconds, say);
    const first = Math.floor(((number - 1) * rounds) / starts);
    const last = Math.floor((number * rounds) / starts);
    for (const [index, callers] of callerNumbers.entries()) {
      for (let round = first + 1; round <= last; round++) {
        for (const measured of cases) {
          const title = `${titleOf(measured, cases)}, ${callers} callers, round ${round} of ${rounds}`;
          const loads = all.get(measured)?.[index];
          if (loads !== undefined)
            await measureRound(
              { title, measured, callers, isOdd: round % 2 === 1 },
              runs,
              loads,
              options,
              say,
            );
        }
      }
    }
  }
  return cases.flatMap((measured) =>
    callerNumbers.map((callers, index) => {
      const { own: after = [], other: before = [] } = all.get(measured)?.[index] ?? {};
      const yardstick = all.get(yardstickOf(measured, cases) ?? measured)?.[index]?.own ?? [];
      const row = toRow(measured, callers, after, yardstick);
      return before.length > 0 ? { ...row, changes: changesOf(callers, after, before) } : row;
    }),
  );
}

interface Round {
  readonly title: string;
  readonly measured: Case;
  readonly callers: number;
  readonly isOdd: boolean;
}

/** One round of one case, of both checkouts. */
async function measureRound(
  { title, measured, callers, isOdd }: Round,
  { runCase, runOther }: CaseRuns,
  { own, other }: Loads,
  { seconds, rounds }: RowOptions,
  say: (text: string) => void,
): Promise<void> {
  const measureMs = (seconds * 1_000) / rounds;
  const until = { kind: "time", warmUpMs: Math.min(300, measureMs * 0.3), measureMs } as const;
  const ownTurn = { side: "", run: runCase, loads: own };
  const otherTurn = { side: ", other checkout", run: runOther, loads: other };
  const turns = isProxied(measured) ? [ownTurn, otherTurn] : [ownTurn];
  for (const { side, run, loads } of isOdd ? turns : turns.toReversed()) {
    if (run === undefined) continue;
    const what = `${title}${side}`;
    say(what);
    const load = await run(what, measured, { callers, entities: ENTITIES, until });
    if (load.calls === 0) throw new Error(`${what}: no call was both begun and answered in time`);
    loads.push(load);
  }
}

/** The call that fills the carts for each call. An action has no carts. */
const FILLED_BY: Readonly<Record<LoadCall, LoadCall | undefined>> = {
  addItem: "addItem",
  getCart: "addItem",
  addToValue: "addToValue",
  getValue: "addToValue",
  find: undefined,
};

/**
 * Fills every cart of every target with its item, then runs each case until its code is compiled. Both checkouts take
 * turns in each step, because a process that was idle during the warm-up of the other was a sixth slower in all later
 * measurements.
 */
async function warmUp(
  cases: readonly Case[],
  { runCase, runOther }: CaseRuns,
  seconds: number,
  say: (text: string) => void,
): Promise<void> {
  const runsOf = (measured: Case): readonly RunCase[] =>
    runOther !== undefined && isProxied(measured) ? [runCase, runOther] : [runCase];
  const filled = new Set<string>();
  for (const measured of cases) {
    const call = measured.kind === "call" ? FILLED_BY[measured.call] : undefined;
    if (measured.kind !== "call" || call === undefined) continue;
    const what = `filling the carts of ${measured.target} by ${call}`;
    if (filled.has(what)) continue;
    filled.add(what);
    say(what);
    const protocol = measured.protocol === "http" ? "grpc" : measured.protocol;
    const until = { kind: "calls", perEntity: 1 } as const;
    const job = { callers: WARM_UP_CALLERS, entities: ENTITIES, until };
    for (const run of runsOf(measured)) await run(what, { ...measured, protocol, call }, job);
  }
  const until = { kind: "time", warmUpMs: 0, measureMs: Math.min(WARM_UP_SECONDS, seconds) * 1_000 } as const;
  for (const measured of cases) {
    const what = `warming up ${titleOf(measured, cases)}`;
    say(what);
    for (const run of runsOf(measured))
      await run(what, measured, { callers: WARM_UP_CALLERS, entities: ENTITIES, until });
  }
}

/** The case's name, with its durability if other cases have the same name. */
function titleOf({ name, durability }: Case, cases: readonly Case[]): string {
  const isAlone = cases.filter((each) => each.name === name).length === 1;
  return isAlone ? name : `${name} (${durability})`;
}
