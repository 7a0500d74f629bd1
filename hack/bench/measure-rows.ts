// SPDX-License-Identifier: Apache-2.0

import { isProxied, yardstickOf } from "./cases.ts";
import type { Case } from "./cases.ts";
import { changesOf } from "./change.ts";
import { range } from "./messages.ts";
import type { Job, Load, LoadCall } from "./messages.ts";
import type { BenchOptions } from "./options.ts";
import { toRow } from "./row.ts";
import type { Row } from "./row.ts";

/** The calls of a row go to so many entities in turn. */
const ENTITIES = range(0, 1_000);

/** With so many callers each case is run once before anything counts, so that all code is compiled. */
const WARM_UP_CALLERS = 64;
const WARM_UP_SECONDS = 2;

/** Runs a job of a case, described by the text. */
export type RunCase = (what: string, measured: Case, job: Job) => Promise<Load>;

export interface CaseRuns {
  readonly runCase: RunCase;
  /** With the proxies of another checkout. Undefined: there is none. */
  readonly runOther: RunCase | undefined;
}

/**
 * Measures the cases with each number of callers. A row is measured in rounds, and each round goes through all cases,
 * so that a drift of the machine hits all of them. Another checkout's proxy has its turn right before or right after,
 * each in every other round.
 */
export async function measureRows(
  cases: readonly Case[],
  { runCase, runOther }: CaseRuns,
  options: Pick<BenchOptions, "callers" | "seconds" | "rounds">,
  say: (text: string) => void,
): Promise<Row[]> {
  await warmUp(cases, runCase, options.seconds, say);
  if (runOther !== undefined) await warmUp(cases.filter(isProxied), runOther, options.seconds, say);

  const rows = new Map<Case, Row[]>(cases.map((measured) => [measured, []]));
  const measureMs = (options.seconds * 1_000) / options.rounds;
  const until = { kind: "time", warmUpMs: Math.min(300, measureMs * 0.3), measureMs } as const;
  for (const callers of options.callers.toSorted((a, b) => a - b)) {
    const own = { side: "", run: runCase, loads: noLoads(cases) };
    const other = { side: ", other checkout", run: runOther, loads: noLoads(cases) };
    for (let round = 1; round <= options.rounds; round++) {
      for (const measured of cases) {
        const title = `${titleOf(measured, cases)}, ${callers} callers, round ${round} of ${options.rounds}`;
        const turns = isProxied(measured) ? [own, other] : [own];
        for (const { side, run, loads } of round % 2 === 1 ? turns : turns.toReversed()) {
          if (run === undefined) continue;
          const what = `${title}${side}`;
          say(what);
          const load = await run(what, measured, { callers, entities: ENTITIES, until });
          if (load.calls === 0) throw new Error(`${what}: no call was both begun and answered in time`);
          loads.get(measured)?.push(load);
        }
      }
    }
    for (const measured of cases) {
      const yardstick = own.loads.get(yardstickOf(measured, cases) ?? measured) ?? [];
      const [after = [], before = []] = [own.loads.get(measured), other.loads.get(measured)];
      const row = toRow(measured, callers, after, yardstick);
      const changes = before.length > 0 ? { changes: changesOf(callers, after, before) } : {};
      rows.get(measured)?.push({ ...row, ...changes });
    }
  }
  return [...rows.values()].flat();
}

function noLoads(cases: readonly Case[]): Map<Case, Load[]> {
  return new Map(cases.map((measured) => [measured, []]));
}

/** What gives the carts that a call is made to their item; an action has none. */
const FILLED_BY: Readonly<Record<LoadCall, LoadCall | undefined>> = {
  addItem: "addItem",
  getCart: "addItem",
  addToValue: "addToValue",
  getValue: "addToValue",
  find: undefined,
};

/** Gives every cart of every target its item, then lets each case run hot. */
async function warmUp(
  cases: readonly Case[],
  runCase: RunCase,
  seconds: number,
  say: (text: string) => void,
): Promise<void> {
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
    await runCase(what, { ...measured, protocol, call }, job);
  }
  const until = { kind: "time", warmUpMs: 0, measureMs: Math.min(WARM_UP_SECONDS, seconds) * 1_000 } as const;
  for (const measured of cases) {
    const what = `warming up ${titleOf(measured, cases)}`;
    say(what);
    await runCase(what, measured, { callers: WARM_UP_CALLERS, entities: ENTITIES, until });
  }
}

/** Its name, and what tells it from others of that name. */
function titleOf({ name, durability }: Case, cases: readonly Case[]): string {
  const isAlone = cases.filter((each) => each.name === name).length === 1;
  return isAlone ? name : `${name} (${durability})`;
}
