// SPDX-License-Identifier: Apache-2.0

import { parseArgs } from "node:util";

import { CASES } from "./cases.ts";

export interface BenchOptions {
  /** Names of `CASES`. */
  readonly cases: readonly string[];
  readonly footprint: boolean;
  readonly callers: readonly number[];
  /** Measured time of each row, over all its rounds. */
  readonly seconds: number;
  readonly rounds: number;
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

const FOOTPRINT = "footprint";
const MAX_CALLERS = 1_000;
const MAX_SECONDS = 60;

export const HELP = `What a command costs through the proxy, beside the direct gRPC call of the same handler.

  npm run bench -- [options]

  --cases LIST     of ${[...CASES.map(({ name }) => name), FOOTPRINT].join(", ")}; default all
  --callers LIST   how many call at the same time, each one call after the other; default 1,16,64
  --seconds N      measured time of each row, up to ${MAX_SECONDS}; default 3, with --quick 1
  --quick          one round instead of three, fewer entities: to see that it works, not what it costs
  --json FILE      writes each row as one line of JSON
  --profile DIR    writes a CPU profile of each proxy to a folder
  --data DIR       where the logs are written while it runs, and so whose disk is measured; default build/bench
  --help           this text

Examples:
  npm run bench
  npm run bench -- --cases "command sqlite,read http" --callers 64
  npm run bench -- --quick --json rows.jsonl

Exit code: 0 measured, 1 something failed, 2 wrong usage. Budgets are shown beside the figures, and decide nothing.
`;

/** Reads the command line. */
export function parseOptions(args: readonly string[]): Parsed {
  let values;
  try {
    values = parseArgs({
      args: args.filter((argument) => argument !== "--"),
      options: {
        cases: { type: "string" },
        callers: { type: "string" },
        seconds: { type: "string" },
        json: { type: "string" },
        profile: { type: "string" },
        data: { type: "string" },
        quick: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    return { kind: "wrong", text: (error as Error).message };
  }
  if (values.help === true) return { kind: "help" };

  const names = [...CASES.map(({ name }) => name), FOOTPRINT];
  const chosen = values.cases === undefined ? names : list(values.cases);
  const unknown = chosen.find((name) => !names.includes(name));
  if (unknown !== undefined) return wrong(`there is no case "${unknown}"; there are ${names.join(", ")}`);
  if (chosen.length === 0) return wrong("--cases names nothing");

  const callers = list(values.callers ?? "1,16,64").map(Number);
  if (callers.length === 0 || !callers.every((n) => Number.isInteger(n) && n >= 1 && n <= MAX_CALLERS)) {
    return wrong(`--callers takes whole numbers from 1 to ${MAX_CALLERS}, separated by commas`);
  }
  const quick = values.quick ?? false;
  const seconds = Number(values.seconds ?? (quick ? 1 : 3));
  if (!(seconds > 0 && seconds <= MAX_SECONDS)) {
    return wrong(`--seconds takes a number above 0 and up to ${MAX_SECONDS}`);
  }
  return {
    kind: "run",
    options: {
      cases: chosen.filter((name) => name !== FOOTPRINT),
      footprint: chosen.includes(FOOTPRINT),
      callers,
      seconds,
      quick,
      rounds: quick ? 1 : 3,
      jsonFile: values.json,
      profileFolder: values.profile,
      dataFolder: values.data,
    },
  };
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
