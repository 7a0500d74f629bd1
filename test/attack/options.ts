// SPDX-License-Identifier: Apache-2.0

import { parseArgs } from "node:util";

import type { BoundName } from "./bounds.ts";
import { BOUND_NAMES, BOUNDS } from "./bounds.ts";
import { LEAST_QUIET_MS, MAX_FACTOR, MOST_QUIET_MS } from "./judge.ts";
import type { Goal } from "./plan.ts";

export interface AttackOptions {
  /** Names of attacks, or `name:way`; empty: all. */
  readonly only: readonly string[];
  readonly isShort: boolean;
  /** Repeats all attacks until so many minutes are over, each round with the next seed; undefined: runs them once. */
  readonly minutes: number | undefined;
  readonly seed: number;
  readonly goal: Goal;
  /** What the memory of the process has to stay under. */
  readonly maxMemoryMib: number;
  /** False: memory is read from `/proc` even where a cgroup could be made. */
  readonly wantsCgroup: boolean;
  readonly json: string | undefined;
}

export type Parsed =
  | { readonly kind: "run"; readonly options: AttackOptions }
  | { readonly kind: "list" }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly text: string };

const MAX_MINUTES = 1_440;
const MAX_SEED = 4_294_967_295;
const DEFAULT_MEMORY_MIB = 400;
/** A sidecar's default limit, which the cgroup has. */
export const CGROUP_MIB = 512;

export const HELP = `Attacks a proxy as a hostile caller would, and shows that it stays there for the others: it lives, its memory stays bounded,
a well-behaved caller is served, and health and probes answer. All runs on this machine, on loopback addresses, for this run
alone; where the machine allows it the proxy is in a cgroup of ${CGROUP_MIB} MiB.

  npm run attack -- [options]

  --list             the attacks, their ways and what holds them
  --only NAMES       only these, with commas between them: json-deep, or json-deep:h2 for one of its ways
  --short            a minute: all ways of an attack at once, for a second or two; for continuous integration
  --minutes N        makes all attacks again until so many are over; up to ${MAX_MINUTES}, default: once
  --seed N           of the first round, each further one has the next number; default: any
  --prove            switches the bounds of each attack off, and expects that the proxy falls
  --without BOUNDS   switches these off, with commas between them, and expects that every attack succeeds that
                     nothing else holds:
${BOUND_NAMES.map((name) => `                       ${name.padEnd(26)}${BOUNDS[name].about}`).join("\n")}
  --max-memory MIB   what the memory of the process has to stay under; default ${DEFAULT_MEMORY_MIB}
  --no-cgroup        reads the memory from /proc, as where no cgroup can be made
  --json FILE        writes all figures there; a time of null is one that failed
  --help             this text

The measure, from the beginning of an attack until ten seconds after its end (two with --short): the process lives; its
memory is under ${DEFAULT_MEMORY_MIB} MiB; the p99 of the bystander, who makes one call after the other, is under ${MAX_FACTOR} times its own of a quiet
minute (three seconds with --short), where one below ${LEAST_QUIET_MS} ms counts as ${LEAST_QUIET_MS} ms and one above ${MOST_QUIET_MS} ms as ${MOST_QUIET_MS} ms; gRPC health, /readyz
and /livez answer within a second. With --short the median has to be under a second instead, and some of those may come late: all ways at
once leave two processors no time for the others, whatever the proxy does.

Examples:
  npm run attack -- --only gzip-bomb --seed 4711
  npm run attack -- --short --without max-buffered-bytes

Exit code: 0 all as expected, 1 something was not, 2 wrong usage, 3 this machine cannot run it.
What a process said that fell is kept in build/attack.
`;

/** Reads the command line; `anySeed` is the seed if none is given. */
export function parseOptions(args: readonly string[], anySeed: number): Parsed {
  let values;
  try {
    values = parseArgs({
      args: args.filter((argument) => argument !== "--"),
      options: {
        list: { type: "boolean" },
        only: { type: "string", multiple: true },
        short: { type: "boolean" },
        minutes: { type: "string" },
        seed: { type: "string" },
        prove: { type: "boolean" },
        without: { type: "string" },
        "max-memory": { type: "string" },
        "no-cgroup": { type: "boolean" },
        json: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    return wrong((error as Error).message);
  }
  if (values.help === true) return { kind: "help" };
  if (values.list === true) return { kind: "list" };

  const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
  if (minutes !== undefined && !(minutes > 0 && minutes <= MAX_MINUTES))
    return wrong(`--minutes takes a number above 0 and up to ${MAX_MINUTES}`);
  const seed = Number(values.seed ?? anySeed);
  if (!(Number.isInteger(seed) && seed >= 0 && seed <= MAX_SEED))
    return wrong(`--seed takes a whole number from 0 to ${MAX_SEED}`);
  const maxMemoryMib = Number(values["max-memory"] ?? DEFAULT_MEMORY_MIB);
  if (!(Number.isInteger(maxMemoryMib) && maxMemoryMib > 0 && maxMemoryMib <= CGROUP_MIB))
    return wrong(`--max-memory takes a whole number from 1 to ${CGROUP_MIB}`);
  const goal = readGoal(values.prove ?? false, values.without);
  if (typeof goal === "string") return wrong(goal);
  const only = (values.only ?? []).flatMap((names) => names.split(",")).filter((name) => name !== "");
  const { short: isShort = false, json } = values;
  const wantsCgroup = values["no-cgroup"] !== true;
  return { kind: "run", options: { only, isShort, minutes, seed, goal, maxMemoryMib, wantsCgroup, json } };
}

/** Returns a text if the options are wrong. */
function readGoal(isProof: boolean, without: string | undefined): Goal | string {
  if (without === undefined) return { kind: isProof ? "prove" : "stand" };
  if (isProof) return "--prove and --without exclude each other";
  const bounds = without.split(",");
  const unknown = bounds.find((name) => !(BOUND_NAMES as readonly string[]).includes(name));
  if (unknown !== undefined) return `there is no bound "${unknown}"; there are ${BOUND_NAMES.join(", ")}`;
  return { kind: "without", bounds: bounds as BoundName[] };
}

function wrong(text: string): Parsed {
  return { kind: "wrong", text };
}
