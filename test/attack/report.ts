// SPDX-License-Identifier: Apache-2.0

import type { Attack } from "./attack.ts";
import type { Observation } from "./judge.ts";
import { p99BoundMs } from "./judge.ts";
import type { Case, Goal } from "./plan.ts";
import type { ProbeResult } from "./probes.ts";
import type { AttackOutcome } from "./run-attack.ts";
import type { Counts } from "./tally.ts";

const MIB = 1_048_576;
const NAME_WIDTH = 36;
const VERDICT_WIDTH = 6;
const MEMORY_WIDTH = 8;
const BYSTANDERS_WIDTH = 30;
const PROBES_WIDTH = 42;

/** The result of one case. */
export type Result =
  | { readonly kind: "judged"; readonly outcome: AttackOutcome }
  | { readonly kind: "skipped"; readonly why: string }
  /** The attack could not be made. */
  | { readonly kind: "broken"; readonly error: string };

/** Whether the result is as expected; undefined if the case was skipped. */
export function isAsExpected({ expected }: Pick<Case, "expected">, result: Result): boolean | undefined {
  if (result.kind === "skipped") return undefined;
  if (result.kind === "broken") return false;
  const fell = result.outcome.violations.length > 0;
  return fell === (expected === "falls");
}

/** The name of a case, as `--only` takes it if it has one way. */
export function caseName({ attack, ways }: Pick<Case, "attack" | "ways">): string {
  const isWhole = [Object.keys(attack.ways), attack.shortWays].some(
    (all) => all?.length === ways.length && all.every((way) => ways.includes(way)),
  );
  return isWhole && ways.length !== 1 ? attack.name : ways.map((way) => `${attack.name}:${way}`).join(" ");
}

/** The heads of the columns of `rowLine`. */
export function headLine(): string {
  return row("attack", "", "memory", "bystander's p99 (ms)", "longest of the probes (ms)", "what was sent");
}

/** One row of the table. */
export function rowLine(name: string, verdict: string, observation: Observation, counts: Counts): string {
  const { peakBytes, bystanders, probes } = observation;
  const p99 = Object.entries(bystanders).map(([each, { p99Ms }]) => `${each} ${ms(p99Ms)}`);
  const longest = Object.entries(probes).map(([each, result]) => `${each} ${probeText(result)}`);
  const memory = `${Math.round(peakBytes / MIB)} MiB`;
  return row(name, verdict, memory, p99.join(", "), longest.join(", "), countsText(counts));
}

/** The line below the row of a quiet time: the bounds of the bystanders that follow from it. */
export function boundsLine({ bystanders }: Observation): string {
  const all = Object.entries(bystanders).map(
    ([name, { p99Ms, count }]) => `${name} under ${ms(p99BoundMs(p99Ms))} ms (${count} calls)`,
  );
  return `  so the bounds of the p99 are: ${all.join(", ")}`;
}

/** What holds each attack, and by which ways it comes. */
export function listLines(attacks: readonly Attack[]): string[] {
  return attacks.flatMap(({ name, about, ways, bounds }) => [
    `${name}: ${about}`,
    `    ways: ${Object.keys(ways).join(", ")}`,
    `    held by: ${bounds.length === 0 ? "no setting" : bounds.map((bound) => `--${bound}`).join(", ")}`,
  ]);
}

/** The command that repeats a case. */
export function repeatCommand(name: string, seed: number, isShort: boolean, goal: Goal): string {
  const how = {
    stand: "",
    prove: " --prove",
    without: goal.kind === "without" ? ` --without ${goal.bounds.join(",")}` : "",
  }[goal.kind];
  return `npm run attack -- --only ${name.replaceAll(" ", ",")} --seed ${seed}${isShort ? " --short" : ""}${how}`;
}

/** The last line. */
export function summaryLine(results: readonly (boolean | undefined)[]): string {
  const count = (value: boolean | undefined): number => results.filter((each) => each === value).length;
  const skipped = count(undefined);
  return `${count(true)} passed, ${count(false)} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`;
}

function row(
  name: string,
  verdict: string,
  memory: string,
  p99: string,
  probes: string,
  sent: string,
): string {
  const cells = [
    name.padEnd(NAME_WIDTH),
    verdict.padEnd(VERDICT_WIDTH),
    memory.padStart(MEMORY_WIDTH),
    p99.padEnd(BYSTANDERS_WIDTH),
    probes.padEnd(PROBES_WIDTH),
    sent,
  ];
  return cells.join("  ").trimEnd();
}

function probeText({ failed, maxMs, count }: ProbeResult): string {
  return failed > 0 ? `failed ${failed}/${count}` : ms(maxMs);
}

/** The most informative figures first. */
export function countsText({ bytes = 0, ...counts }: Counts): string {
  const others = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  return [`${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB`, ...others].join(", ");
}

function ms(value: number): string {
  if (Number.isNaN(value)) return "none";
  if (value === Number.POSITIVE_INFINITY) return "failed";
  return value < 100 ? value.toFixed(1) : value.toFixed(0);
}
