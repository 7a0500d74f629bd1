// SPDX-License-Identifier: Apache-2.0

import { parseArgs } from "node:util";

import type { ScenarioName } from "./plan.ts";
import { SCENARIO_NAMES, SCENARIOS } from "./plan.ts";

export interface FaultsOptions {
  /** No round begins after that. */
  readonly minutes: number;
  /** And no more rounds than these, if given. */
  readonly rounds: number | undefined;
  /** The seed of the first round. Each further round has the next number. */
  readonly seed: number;
  readonly scenario: ScenarioName | undefined;
  readonly replicas: 1 | 3 | undefined;
  /** Undefined: how long moving shards keep requests waiting is shown and not judged. */
  readonly maxPauseMs: number | undefined;
}

export type Parsed =
  | { readonly kind: "run"; readonly options: FaultsOptions }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly text: string };

const DEFAULT_MINUTES = 20;
const MAX_MINUTES = 1_440;
const MAX_SEED = 4_294_967_295;

export const HELP = `Proves that the log on NATS JetStream loses nothing: rounds of callers, proxy and nats-server
while processes are killed and stopped and connections break. All runs on this machine, for this run alone.

  npm run faults -- [options]

Without options, or with --minutes alone, the tests that take longer than \`npm test\` may come first.

  --short          some of those tests alone, in their short form, some minutes: for continuous integration
  --minutes N      no round begins after so many; up to ${MAX_MINUTES}, default ${DEFAULT_MINUTES}
  --rounds N       and no more rounds than these
  --seed N         of the first round, each further one has the next number; default: any
  --scenario NAME  what goes wrong; default: the seed chooses
${SCENARIO_NAMES.map((name) => `                     ${name.padEnd(8)}${SCENARIOS[name].about}`).join("\n")}
  --replicas N     1 or 3 servers, and as many copies of the log; default: the seed chooses
  --max-pause MS   with the scenario rolling: p99 of requests for moving shards beyond the usual p99; to be said
                   only on a machine with nothing else to do. Default: it is printed and not judged
  --help           this text

Examples:
  npm run faults
  npm run faults -- --minutes 5 --scenario network --replicas 1
  npm run faults -- --seed 4711 --rounds 1

Exit code: 0 nothing was lost, 1 something was or a round broke off, 2 wrong usage.
What the proxies said in a round with violations is kept in build/faults.
`;

/** Reads the command line; `anySeed` is the seed if none is given. */
export function parseOptions(args: readonly string[], anySeed: number): Parsed {
  let values;
  try {
    values = parseArgs({
      args: args.filter((argument) => argument !== "--"),
      options: {
        minutes: { type: "string" },
        rounds: { type: "string" },
        seed: { type: "string" },
        scenario: { type: "string" },
        replicas: { type: "string" },
        "max-pause": { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    return wrong((error as Error).message);
  }
  if (values.help === true) return { kind: "help" };

  const minutes = Number(values.minutes ?? DEFAULT_MINUTES);
  if (!(minutes > 0 && minutes <= MAX_MINUTES)) {
    return wrong(`--minutes takes a number above 0 and up to ${MAX_MINUTES}`);
  }
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
    return wrong("--rounds takes a whole number above 0");
  }
  const seed = Number(values.seed ?? anySeed);
  if (!(Number.isInteger(seed) && seed >= 0 && seed <= MAX_SEED)) {
    return wrong(`--seed takes a whole number from 0 to ${MAX_SEED}`);
  }
  const scenario = SCENARIO_NAMES.find((name) => name === values.scenario);
  if (values.scenario !== undefined && scenario === undefined) {
    return wrong(`there is no scenario "${values.scenario}"; there are ${SCENARIO_NAMES.join(", ")}`);
  }
  const replicas = ([1, 3] as const).find((each) => values.replicas === `${each}`);
  if (values.replicas !== undefined && replicas === undefined) return wrong("--replicas takes 1 or 3");
  const given = values["max-pause"];
  const maxPauseMs = given === undefined ? undefined : Number(given);
  if (maxPauseMs !== undefined && !(maxPauseMs >= 0)) return wrong("--max-pause takes milliseconds");
  return { kind: "run", options: { minutes, rounds, seed, scenario, replicas, maxPauseMs } };
}

function wrong(text: string): Parsed {
  return { kind: "wrong", text };
}
