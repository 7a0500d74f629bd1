// SPDX-License-Identifier: Apache-2.0

import { Command, InvalidArgumentError, Option } from "commander";

import type { LogName } from "./cases.ts";
import { casesOf, isProxied } from "./cases.ts";
import type { PodPart } from "./pods/cases.ts";
import { isPodPart, POD_PARTS } from "./pods/cases.ts";
import type { TelemetryName } from "./telemetry.ts";
import { isTelemetryName, TELEMETRY_NAMES } from "./telemetry.ts";

export interface BenchOptions {
  readonly log: LogName;
  /** How many pods share the entities of a service. Undefined: each proxy is alone. */
  readonly pods: number | undefined;
  /** What is measured with several pods. Empty: each proxy is alone. */
  readonly parts: readonly PodPart[];
  /** Names of cases of the log. Empty with several pods. */
  readonly cases: readonly string[];
  readonly footprint: boolean;
  /** Another checkout of the project, with whose proxy this one's is compared. Undefined: there is none. */
  readonly against: string | undefined;
  /** Proxies that differ in their telemetry and are compared with the first of them. Empty: there is one proxy. */
  readonly telemetry: readonly TelemetryName[];
  /** In ascending order. */
  readonly callers: readonly number[];
  /** Measured time of each row, over all its rounds. */
  readonly seconds: number;
  readonly rounds: number;
  /** How often all servers are started anew, at most once for each round. */
  readonly starts: number;
  readonly quick: boolean;
  readonly json: string | undefined;
  readonly profile: string | undefined;
  /** Where the logs are written while it runs. Undefined: a folder of the project. */
  readonly data: string | undefined;
}

const FOOTPRINT = "footprint";
const MAX_CALLERS = 1_000;
const MAX_SECONDS = 600;
const MAX_ROUNDS = 100;
const MAX_PODS = 9;

interface Lengths {
  readonly seconds: number;
  readonly rounds: number;
  readonly starts: number;
}

const QUICK: Lengths = { seconds: 1, rounds: 1, starts: 1 };
const ALONE: Lengths = { seconds: 3, rounds: 3, starts: 1 };
/** Rounds of four seconds, because proxies that take turns need a second each until they work as busy ones do. */
const AGAINST: Lengths = { seconds: 24, rounds: 6, starts: 3 };
const TELEMETRY: Lengths = { seconds: 36, rounds: 9, starts: 3 };

const NOTES = `
Cases with sqlite: ${namesOf("sqlite").join(", ")}
Cases with nats:   ${namesOf("nats").join(", ")}
Cases with --pods: ${POD_PARTS.join(", ")}
  rows       commands and reads at the pod that owns the entity and at another one, which forwards them, beside a bare
             NATS request of the same size; and the throughput of all pods beside that of one
  claim      how long a pod that is alone takes to claim all shards when it starts
  rebalance  how long shards take to their new owners with 10,000 entities in memory: a pod joins, a pod leaves, a new
             revision takes over
  idle       messages a second between idle pods and NATS, as the server counts them
The pods, their user functions, NATS and the callers share this machine's processors, so more pods are no faster here.

Examples:
  npm run bench
  npm run bench -- --cases "command sqlite,read http" --callers 64
  npm run bench -- --quick --json rows.jsonl
  npm run bench -- --against ../before --cases "command sqlite,read http" --callers 1,64
  npm run bench -- --telemetry off,unsampled,sampled
  npm run bench -- --telemetry sampled,unreachable,slow,refusing,garbage --seconds 60 --rounds 15
  npm run bench -- --log nats
  npm run bench -- --pods 3
  npm run bench -- --pods 3 --cases claim,idle

Exit code: 0 measured, 1 something failed, 2 wrong usage. Budgets are shown beside the figures, and decide nothing.
`;

/** All that can be measured with the log. */
function namesOf(log: LogName): string[] {
  return [...casesOf(log).map(({ name }) => name), FOOTPRINT];
}

type Given = Partial<BenchOptions> & Pick<BenchOptions, "log">;

/** The command line. It exits the process after its help and on wrong usage. */
export function benchCommand(): Command {
  return new Command("bench")
    .description("What a command costs through the proxy, beside the direct gRPC call of the same handler.")
    .addOption(
      new Option(
        "--log <log>",
        "where the proxies keep their events: in a file, and in memory beside it; or in NATS JetStream, with a server " +
          "that syncs some time later and one that syncs before it acknowledges",
      )
        .choices(["sqlite", "nats"])
        .default("sqlite"),
    )
    .option("--cases <names>", "some of the cases below, with commas between them (default: all)", list)
    .option(
      "--callers <numbers>",
      "how many call at the same time, each one call after the other (default: 1,16,64)",
      callers,
    )
    .option(
      "--seconds <number>",
      "measured time of each row (default: 3, with --against 24, with --telemetry 36, with --quick 1)",
      number(MAX_SECONDS),
    )
    .option(
      "--rounds <number>",
      "into so many parts each row is divided (default: 3, with --against 6, with --telemetry 9, with --quick 1)",
      whole(MAX_ROUNDS),
    )
    .option(
      "--starts <number>",
      "starts all servers anew so often, because one process is up to a tenth faster or slower than the next one of the " +
        "same code (default: 1, with --against and --telemetry 3, with --quick 1)",
      whole(MAX_ROUNDS),
    )
    .option(
      "--against <folder>",
      "another checkout, with its node_modules: its proxy is measured in the same rounds",
    )
    .option(
      "--telemetry <names>",
      `some of ${TELEMETRY_NAMES.join(", ")}, with commas between them: a proxy for each is measured in the same ` +
        "rounds, and compared with the first (default cases: command sqlite, or command nats; default callers: 64)",
      telemetry,
    )
    .option(
      "--pods <number>",
      "so many pods that share their entities over NATS, each with a user function of its own, beside one that is " +
        "alone (at least 2; acknowledged before NATS syncs)",
      number(MAX_PODS, (pods) => Number.isInteger(pods) && pods >= 2, `whole numbers from 2 to ${MAX_PODS}`),
    )
    .option("--quick", "one round: to see that it works, not what it costs")
    .option("--json <file>", "writes each row as one line of JSON")
    .option("--profile <folder>", "writes a CPU profile of each proxy to the folder")
    .option(
      "--data <folder>",
      "where the logs are written while it runs: the disk that is measured (default: build/bench)",
    )
    .addHelpText("after", NOTES);
}

export function parseOptions(args: readonly string[], command = benchCommand()): BenchOptions {
  command.parse(
    args.filter((argument) => argument !== "--"),
    { from: "user" },
  );
  const given = command.opts<Given>();
  if (given.pods !== undefined) return podOptions(given.pods, given, command);
  const { log, quick = false, against, telemetry: sides = [] } = given;
  const names = namesOf(log);
  const chosen = given.cases ?? (sides.length === 0 ? names : [`command ${log}`]);
  const unknown = chosen.find((name) => !names.includes(name));
  if (unknown !== undefined)
    command.error(`error: there is no case "${unknown}" with the log ${log}; there are ${names.join(", ")}`);
  const isProxy = casesOf(log).some((each) => isProxied(each) && chosen.includes(each.name));
  for (const [flag, isGiven] of [
    ["--against", against !== undefined],
    ["--telemetry", sides.length > 0],
  ] as const)
    if (isGiven && !isProxy)
      command.error(`error: ${flag} compares proxies, and --cases names no case of a proxy`);
  if (against !== undefined && sides.length > 0)
    command.error("error: --against and --telemetry exclude each other");
  const { seconds, rounds, starts } = lengthsOf(given);
  const all = given.rounds ?? rounds;
  if ((given.starts ?? 1) > all) command.error(`error: --starts is at most the number of rounds, ${all}`);
  const callerNumbers = given.callers ?? (sides.length === 0 ? [1, 16, 64] : [64]);
  return {
    log,
    pods: undefined,
    parts: [],
    cases: chosen.filter((name) => name !== FOOTPRINT),
    footprint: chosen.includes(FOOTPRINT),
    against,
    telemetry: sides,
    callers: callerNumbers.toSorted((a, b) => a - b),
    seconds: given.seconds ?? seconds,
    rounds: all,
    starts: given.starts ?? Math.min(starts, all),
    quick,
    json: given.json,
    profile: given.profile,
    data: given.data,
  };
}

/** Several pods are measured in parts of their own, and compared with nothing else. */
function podOptions(pods: number, given: Given, command: Command): BenchOptions {
  for (const flag of ["against", "telemetry", "profile", "starts"] as const)
    if (given[flag] !== undefined) command.error(`error: --pods and --${flag} exclude each other`);
  if (command.getOptionValueSource("log") === "cli" && given.log !== "nats")
    command.error("error: --pods needs --log nats, over which pods share their entities");
  const chosen = given.cases ?? POD_PARTS;
  const unknown = chosen.find((name) => !isPodPart(name));
  if (unknown !== undefined)
    command.error(`error: there is no case "${unknown}" with --pods; there are ${POD_PARTS.join(", ")}`);
  const { seconds, rounds } = lengthsOf(given);
  const { quick = false, callers: callerNumbers = [1, 16, 64], json, data } = given;
  return {
    log: "nats",
    pods,
    parts: POD_PARTS.filter((part) => chosen.includes(part)),
    cases: [],
    footprint: false,
    against: undefined,
    telemetry: [],
    callers: callerNumbers.toSorted((a, b) => a - b),
    seconds: given.seconds ?? seconds,
    rounds: given.rounds ?? rounds,
    starts: 1,
    quick,
    json,
    profile: undefined,
    data,
  };
}

function lengthsOf({ quick, against, telemetry: sides }: Given): Lengths {
  if (quick === true) return QUICK;
  if (sides !== undefined) return TELEMETRY;
  return against === undefined ? ALONE : AGAINST;
}

function telemetry(text: string): readonly TelemetryName[] {
  const names = list(text);
  const unknown = names.find((name) => !isTelemetryName(name));
  if (unknown !== undefined) throw new InvalidArgumentError(`There is no "${unknown}".`);
  if (new Set(names).size !== names.length || names.length < 2)
    throw new InvalidArgumentError("It takes two or more different names.");
  return names.filter(isTelemetryName);
}

function list(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.includes("")) throw new InvalidArgumentError("It names nothing.");
  return names;
}

function callers(text: string): number[] {
  return list(text).map(whole(MAX_CALLERS));
}

function whole(max: number): (text: string) => number {
  return number(max, Number.isInteger, `whole numbers from 1 to ${max}`);
}

function number(
  max: number,
  isRight: (value: number) => boolean = () => true,
  what = `a number above 0 and up to ${max}`,
): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (value > 0 && value <= max && isRight(value)) return value;
    throw new InvalidArgumentError(`It takes ${what}.`);
  };
}
