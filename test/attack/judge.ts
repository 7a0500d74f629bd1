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
 * How strictly a proxy is judged. Its memory and whether its process lives are always judged in the same way.
 *
 * - `strict`: the p99 of each bystander, and every probe.
 * - `rough`: for all variants of an attack at once. They leave a machine with two cores no time for others, whatever
 *   the proxy does, and a second has too few calls for a p99. So the median has to be under a second. Probes may come
 *   late, but not all of them.
 * - `burst`: for an attack that sends everything at one moment. Node reads what has come on all connections before it
 *   does anything else, so the p99 is how long that takes, and has to be under a second. Probes are judged strictly.
 * - `memory`: the bystanders' latencies are shown and not judged, because the attack measures memory and takes all
 *   connections there are. Probes are judged as with `rough`.
 */
export type Strictness = "strict" | "rough" | "burst" | "memory";

/** A bystander's p99 under attack may be at most this many times its quiet p99. */
export const MAX_FACTOR = 20;

/**
 * A quiet p99 below this counts as this, in milliseconds. The bound is then 50 ms, which is as long as one request
 * may block the proxy's event loop. A lower bound would be stricter than what the proxy promises.
 */
export const LEAST_QUIET_MS = 2.5;

/**
 * A quiet p99 above this counts as this, in milliseconds. Such a machine is busy with something else. The bound is
 * then one second, which is the time-out of a probe.
 */
export const MOST_QUIET_MS = 50;

const MIB = 1_048_576;

/** The bound of a bystander's p99, in milliseconds. */
export function p99BoundMs(quietP99Ms: number): number {
  return MAX_FACTOR * Math.min(Math.max(quietP99Ms, LEAST_QUIET_MS), MOST_QUIET_MS);
}

/** Returns the violations; empty if the proxy withstood the attack. */
export function judge({ end, peakBytes, bystanders, probes }: Observation, limits: Limits): string[] {
  const violations: string[] = [];
  if (peakBytes >= limits.maxBytes)
    violations.push(`memory reached ${mib(peakBytes)}, not under ${mib(limits.maxBytes)}`);
  // After its end it cannot answer, so probes and calls are not judged.
  if (end !== undefined) return [`the process ended: ${endText(end)}`, ...violations];
  const { strictness } = limits;
  for (const [name, latencies] of Object.entries(bystanders))
    if (strictness !== "memory")
      violations.push(...judgeBystander(name, latencies, limits.quietP99Ms[name], strictness));
  for (const [name, { count, failed, problem }] of Object.entries(probes)) {
    if (count === 0) violations.push(`${name} was never answered`);
    else if (strictness === "strict" || strictness === "burst" ? failed > 0 : failed === count)
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
  const boundMs = p99BoundMs(strictness === "strict" ? quietP99Ms : MOST_QUIET_MS);
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
