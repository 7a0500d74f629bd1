// SPDX-License-Identifier: Apache-2.0

import { parseArgs } from "node:util";

import type { LogName } from "./cases.ts";
import { CASES, caseNames, isProxied } from "./cases.ts";

export interface BenchOptions {
  readonly log: LogName;
  /** Names of `CASES`. */
  readonly cases: readonly string[];
  readonly footprint: boolean;
  /** How many entities are filled to see what so many mean. Undefined: none. */
  readonly entities: number | undefined;
  /** Number of streams for the events of each log with NATS. Undefined: the log chooses it. */
  readonly streams: number | undefined;
  /** Another checkout of the project, with whose proxy this one's is compared. Undefined: there is none. */
  readonly against: string | undefined;
  readonly callers: readonly number[];
  /** Measured time of each row, over all its rounds. */
  readonly seconds: number;
  readonly rounds: number;
  /** How often all servers are started anew, at most once for each round. */
  readonly starts: number;
  readonly quick: boolean;
  readonly jsonFile: string | undefined;
  readonly profileFolder: string | undefined;
  /** Where the logs are written while it runs. Undefined: a folder of the project. */
  readonly dataFolder: string | undefined;
}

export type Parsed =
  | { readonly kind: "run"; readonly options: BenchOptions }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly text: string };

const LOGS: readonly LogName[] = ["sqlite", "nats"];
const FOOTPRINT = "footprint";
const ENTITIES = "entities";
const MAX_CALLERS = 1_000;
const MAX_SECONDS = 60;
const MAX_ROUNDS = 100;
const STREAMS: readonly number[] = [1, 2, 4, 8, 16];
/** Enough for the random entities that are chosen among them. */
const MIN_ENTITIES = 10_000;
const MAX_ENTITIES = 10_000_000;

const DEFAULT_CALLERS: Readonly<Record<LogName, string>> = { sqlite: "1,16,64", nats: "1,16,64,256" };

export const HELP = `What a command costs through the proxy, beside the direct gRPC call of the same handler.

  npm run bench -- [options]

  --log LOG        where the proxy keeps its events: sqlite (and memory beside it), or nats: NATS JetStream, with a
                   server that syncs some time later and one that syncs before it acknowledges; default sqlite
  --cases LIST     some of the cases below; default all
  --callers LIST   how many call at the same time, each one call after the other; default ${DEFAULT_CALLERS.sqlite},
                   with nats ${DEFAULT_CALLERS.nats}
  --seconds N      measured time of each row, up to ${MAX_SECONDS}; default 3, with --against 7.5, with --quick 1
  --rounds N       into so many parts each row is divided, up to ${MAX_ROUNDS}; default 3, with --against 15, with --quick 1
  --starts N       starts all servers anew so often, and divides the rounds among them, because one process is up to a
                   tenth faster or slower than the next one of the same code; default 1, with --against 5, with --quick 1
  --against DIR    another checkout of the project, with its node_modules: its proxy is measured in the same rounds
  --entities N     how many the case "entities" fills a server of NATS with, ${MIN_ENTITIES} to ${MAX_ENTITIES};
                   default 1000000 (some hundred MB on the disk while it runs), with --quick ${MIN_ENTITIES}
  --streams N      with nats: streams for the events of each log: ${STREAMS.join(", ")}; default what the log finds right
  --quick          one round, fewer entities: to see that it works, not what it costs
  --json FILE      writes each row as one line of JSON
  --profile DIR    writes a CPU profile of each proxy to a folder
  --data DIR       where the logs are written while it runs, and so whose disk is measured; default build/bench
  --help           this text

Cases with sqlite: ${listNames("sqlite")}
Cases with nats:   ${listNames("nats")}

Examples:
  npm run bench
  npm run bench -- --cases "command sqlite,read http" --callers 64
  npm run bench -- --quick --json rows.jsonl
  npm run bench -- --against ../before --cases "command sqlite,read http" --callers 1,64
  npm run bench -- --log nats --json rows.jsonl
  npm run bench -- --log nats --cases "own publish,command" --streams 16
  npm run bench -- --log nats --cases entities --entities 100000

Exit code: 0 measured, 1 something failed, 2 wrong usage. Budgets are shown beside the figures, and decide nothing.
`;

/** All that can be measured with the log. */
function namesOf(log: LogName): readonly string[] {
  return [...caseNames(log), FOOTPRINT, ...(log === "nats" ? [ENTITIES] : [])];
}

function listNames(log: LogName): string {
  return namesOf(log).join(", ");
}

const OPTIONS = {
  log: { type: "string" },
  entities: { type: "string" },
  streams: { type: "string" },
  cases: { type: "string" },
  callers: { type: "string" },
  seconds: { type: "string" },
  rounds: { type: "string" },
  starts: { type: "string" },
  against: { type: "string" },
  json: { type: "string" },
  profile: { type: "string" },
  data: { type: "string" },
  quick: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** Reads the command line. */
export function parseOptions(args: readonly string[]): Parsed {
  let values;
  try {
    values = parseArgs({
      args: args.filter((argument) => argument !== "--"),
      options: OPTIONS,
    }).values;
  } catch (error) {
    return { kind: "wrong", text: (error as Error).message };
  }
  if (values.help === true) return { kind: "help" };

  const log = LOGS.find((name) => name === (values.log ?? "sqlite"));
  if (log === undefined) return wrong(`--log takes ${LOGS.join(" or ")}`);
  const names = namesOf(log);
  const chosen = values.cases === undefined ? names : list(values.cases);
  const unknown = chosen.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    return wrong(`there is no case "${unknown}" with the log ${log}; there are ${names.join(", ")}`);
  }
  if (chosen.length === 0) return wrong("--cases names nothing");

  const callers = list(values.callers ?? DEFAULT_CALLERS[log]).map(Number);
  if (callers.length === 0 || !callers.every((n) => isWhole(n, 1, MAX_CALLERS))) {
    return wrong(`--callers takes whole numbers from 1 to ${MAX_CALLERS}, separated by commas`);
  }
  const quick = values.quick ?? false;
  const { against } = values;
  if (against !== undefined && !CASES[log].some((each) => isProxied(each) && chosen.includes(each.name))) {
    return wrong("--against compares proxies, and --cases names no case of a proxy");
  }
  const rounds = Number(values.rounds ?? (quick ? 1 : against === undefined ? 3 : 15));
  if (!isWhole(rounds, 1, MAX_ROUNDS)) return wrong(`--rounds takes a whole number from 1 to ${MAX_ROUNDS}`);
  const starts = Number(values.starts ?? (quick || against === undefined ? 1 : Math.min(5, rounds)));
  if (!isWhole(starts, 1, rounds))
    return wrong(`--starts takes a whole number from 1 to that of the rounds, ${rounds}`);
  const seconds = Number(values.seconds ?? (quick ? 1 : against === undefined ? 3 : 7.5));
  if (!(seconds > 0 && seconds <= MAX_SECONDS)) {
    return wrong(`--seconds takes a number above 0 and up to ${MAX_SECONDS}`);
  }
  if (values.entities !== undefined && !chosen.includes(ENTITIES)) {
    return wrong(`--entities is for the case "${ENTITIES}" of --log nats`);
  }
  const entities = Number(values.entities ?? (quick ? MIN_ENTITIES : 1_000_000));
  if (!isWhole(entities, MIN_ENTITIES, MAX_ENTITIES)) {
    return wrong(`--entities takes a whole number from ${MIN_ENTITIES} to ${MAX_ENTITIES}`);
  }
  const streams = values.streams === undefined ? undefined : Number(values.streams);
  if (streams !== undefined && !(log === "nats" && STREAMS.includes(streams))) {
    return wrong(`--streams goes with --log nats and takes ${STREAMS.join(", ")}`);
  }
  return {
    kind: "run",
    options: {
      log,
      entities: chosen.includes(ENTITIES) ? entities : undefined,
      cases: chosen.filter((name) => name !== FOOTPRINT && name !== ENTITIES),
      footprint: chosen.includes(FOOTPRINT),
      streams,
      against,
      callers,
      seconds,
      quick,
      rounds,
      starts,
      jsonFile: values.json,
      profileFolder: values.profile,
      dataFolder: values.data,
    },
  };
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}

function list(text: string): string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function wrong(text: string): Parsed {
  return { kind: "wrong", text };
}
