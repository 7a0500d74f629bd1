// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import type { Scope } from "../lib/scope.ts";
import type { Attack } from "./attack.ts";
import { startAttackers } from "./attackers.ts";
import type { Limits, Observation } from "./judge.ts";
import { judge } from "./judge.ts";
import { startMeasuring } from "./measure.ts";
import type { Counts } from "./tally.ts";
import type { OpenWorld, World } from "./world.ts";

/** How long everything takes, in milliseconds. */
export interface Times {
  /** Before anything is measured, so that the code that serves the bystander is compiled. */
  readonly warmUpMs: number;
  readonly quietMs: number;
  /** How long an attack is watched after its end. */
  readonly afterMs: number;
}

export interface AttackRun {
  readonly attack: Attack;
  readonly ways: readonly string[];
  readonly openWorld: OpenWorld;
  readonly flags: Readonly<Record<string, string>>;
  readonly seed: number;
  readonly durationMs: number;
  readonly memoryBytes: number;
  readonly wantsCgroup: boolean;
  readonly limits: Limits;
  readonly times: Times;
}

export interface AttackOutcome {
  readonly observation: Observation;
  readonly counts: Counts;
  /** Empty if the proxy withstood the attack. */
  readonly violations: readonly string[];
  /** What the process wrote. */
  readonly output: readonly string[];
}

export type QuietRun = Pick<AttackRun, "openWorld" | "memoryBytes" | "wantsCgroup" | "times">;

/** Watches a world that is not attacked. */
export async function runQuiet(
  scope: Scope,
  { openWorld, memoryBytes, wantsCgroup, times }: QuietRun,
): Promise<Observation> {
  const world = await openWorld(scope, { flags: {}, memoryBytes, wantsCgroup });
  if (Object.keys(world.bystanders).length === 0) return watch(world, memoryBytes, 0);
  await watch(world, memoryBytes, times.warmUpMs);
  return watch(world, memoryBytes, times.quietMs);
}

async function watch(world: World, memoryBytes: number, durationMs: number): Promise<Observation> {
  const measuring = startMeasuring(world, memoryBytes);
  await Promise.race([delay(durationMs), measuring.ended]);
  return measuring.stop();
}

/**
 * Attacks a fresh world and watches it, from just before the attack until some time after it.
 *
 * @throws Error if the attack could not be made. That says nothing about the proxy.
 */
export async function runAttack(
  scope: Scope,
  { attack, ways, openWorld, flags, seed, durationMs, memoryBytes, wantsCgroup, limits, times }: AttackRun,
  onProgress: (counts: Counts, peakBytes: number) => void,
): Promise<AttackOutcome> {
  const world = await openWorld(scope, {
    flags: { ...attack.proxyFlags, ...flags },
    memoryBytes,
    wantsCgroup,
  });
  await watch(world, memoryBytes, times.warmUpMs);
  const measuring = startMeasuring(world, memoryBytes);
  /** Reasons why the attack shows nothing. */
  const problems: string[] = [];
  for (const { exited, stderr } of world.others)
    void exited.then(() => problems.push(["a process beside it ended", ...stderr].join("\n")));
  const order = { name: attack.name, ways, target: world.target, seed, durationMs };
  const attackers = startAttackers(scope, order, attack.processes ?? 1);
  const showing = setInterval(() => onProgress(attackers.counts(), measuring.peakBytes), PROGRESS_MS);
  try {
    const failure = await Promise.race([attackers.done, measuring.ended.then(() => undefined)]);
    await Promise.race([delay(times.afterMs), measuring.ended]);
    const observation = await measuring.stop();
    await attackers.stop();
    const counts = attackers.counts();
    if (failure !== undefined) problems.push(failure);
    if (Object.keys(counts).length === 0 && observation.end === undefined) problems.push("it did nothing");
    if (problems.length > 0) throw new Error(`the attack could not be made: ${problems.join("; ")}`);
    const more = observation.end === undefined ? (attack.check?.(world, counts) ?? []) : [];
    const violations = [...judge(observation, limits), ...more];
    return { observation, counts, violations, output: [...world.process.stdout, ...world.process.stderr] };
  } finally {
    clearInterval(showing);
  }
}

const PROGRESS_MS = 250;
