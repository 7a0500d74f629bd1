// SPDX-License-Identifier: Apache-2.0

/** Whether a proxy stood an attack: a pure function of what was seen. */

import type { Latencies } from "./latencies.ts";
import type { MemoryMeter } from "./memory.ts";
import type { ProbeResult } from "./probes.ts";

/** What was seen from the beginning of an attack until some time after its end. */
export interface Observation {
  /** How the process ended, if it did. */
  readonly end: ProcessEnd | undefined;
  readonly memoryFrom: MemoryMeter["kind"];
  readonly peakBytes: number;
  readonly bystanders: Readonly<Record<string, Latencies>>;
  readonly probes: Readonly<Record<string, ProbeResult>>;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: string | null;
  readonly isOutOfMemory: boolean;
}

export interface Limits {
  readonly maxBytes: number;
  /** The p99 of each bystander without an attack, in milliseconds. */
  readonly quietP99Ms: Readonly<Record<string, number>>;
  readonly strictness: Strictness;
}

/**
 * How a proxy is judged. Memory, and whether the process lives, always are in the same way.
 *
 * - `strict`: the p99 of each bystander, and every probe.
 * - `rough`: all ways of an attack at once leave a machine with two cores no time for the others, whatever the proxy does,
 *   and a second has too few calls for a p99. So the median has to be under a second, and probes may come late, but not
 *   all of them.
 * - `memory`: the bystanders are shown and not judged, because the attack measures memory and takes all connections that
 *   there are; probes as with `rough`.
 */
export type Strictness = "strict" | "rough" | "memory";

/** A bystander's p99 may be so many times its own of a quiet time. */
export const MAX_FACTOR = 20;

/**
 * A quiet p99 below this counts as this, in milliseconds: the bound is then 50 ms, which is as long as one request may
 * hold the proxy's event loop. A bound below it would forbid what the proxy promises.
 */
export const LEAST_QUIET_MS = 2.5;

/**
 * One above this counts as this, in milliseconds: such a machine is busy with something else, and the bound is then one
 * second, which is as long as a probe may wait.
 */
export const MOST_QUIET_MS = 50;

const MIB = 1_048_576;

/** The bound of a bystander's p99, in milliseconds. */
export function p99BoundMs(quietP99Ms: number): number {
  return MAX_FACTOR * Math.min(Math.max(quietP99Ms, LEAST_QUIET_MS), MOST_QUIET_MS);
}

/** What did not hold; empty if all of it did. */
export function judge({ end, peakBytes, bystanders, probes }: Observation, limits: Limits): string[] {
  const violations: string[] = [];
  if (peakBytes >= limits.maxBytes)
    violations.push(`memory reached ${mib(peakBytes)}, not under ${mib(limits.maxBytes)}`);
  // What it did not answer after its end is no news.
  if (end !== undefined) return [`the process ended: ${endText(end)}`, ...violations];
  const { strictness } = limits;
  for (const [name, latencies] of Object.entries(bystanders))
    if (strictness !== "memory")
      violations.push(...judgeBystander(name, latencies, limits.quietP99Ms[name], strictness));
  for (const [name, { count, failed, problem }] of Object.entries(probes)) {
    if (count === 0) violations.push(`${name} was never answered`);
    else if (strictness === "strict" ? failed > 0 : failed === count)
      violations.push(`${name}: ${failed} of ${count} not answered (${problem ?? "unknown"})`);
  }
  return violations;
}

function judgeBystander(
  name: string,
  latencies: Latencies,
  quietP99Ms: number | undefined,
  strictness: Exclude<Strictness, "memory">,
): string[] {
  const { count, failed } = latencies;
  const isRough = strictness === "rough";
  const [figure, foundMs] = isRough ? ["median", latencies.p50Ms] : ["p99", latencies.p99Ms];
  if (count === 0) return [`${name} made no calls`];
  if (quietP99Ms === undefined || !(quietP99Ms < Number.POSITIVE_INFINITY))
    return [`${name} has no quiet figures to be compared with`];
  const boundMs = isRough ? p99BoundMs(MOST_QUIET_MS) : p99BoundMs(quietP99Ms);
  if (foundMs < boundMs) return [];
  const failures = failed === 0 ? "" : `; ${failed} of ${count} calls failed`;
  const found = foundMs === Number.POSITIVE_INFINITY ? "for ever" : `${foundMs.toFixed(1)} ms`;
  return [`${name} ${figure} is ${found}, not under ${boundMs.toFixed(1)} ms${failures}`];
}

function endText({ code, signal, isOutOfMemory }: ProcessEnd): string {
  if (isOutOfMemory) return "killed, because its memory was over its limit";
  return signal === null ? `exit code ${code}` : `signal ${signal}`;
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(0)} MiB`;
}
