// SPDX-License-Identifier: Apache-2.0

import type { Linearizability } from "../lib/linearizability/checker.ts";
import { checkLinearizability, findings } from "../lib/linearizability/checker.ts";
import type { TestScope } from "../lib/processes.ts";
import { inject } from "./inject.ts";
import type { Counts } from "./judge.ts";
import { judge } from "./judge.ts";
import { Load, RECOVERY_MS } from "./load.ts";
import type { Pauses } from "./pauses.ts";
import { pausesOf, whileMoving } from "./pauses.ts";
import type { FaultKind, RoundPlan } from "./plan.ts";
import { hasOneOwner, isCalm } from "./plan.ts";
import type { ProxyProgram } from "./proxy-slot.ts";
import { startWorld } from "./world.ts";

export interface RoundOutcome {
  readonly plan: RoundPlan;
  /** Must be empty. */
  readonly violations: readonly string[];
  readonly counts: Counts;
  /**
   * What the callers saw of each cart. It must be linearizable if each cart has one owner. Two rivals each answer from
   * memory, so that what is found of them is no violation.
   */
  readonly linearizability: Linearizability;
  /** How often each kind of fault was carried out. */
  readonly faults: ReadonlyMap<FaultKind, number>;
  readonly durationMs: number;
  readonly longestSilenceMs: number;
  /** How long requests waited for shards that moved, if nothing else happened. */
  readonly pauses: Pauses | undefined;
  /** Why clocks that the plan wants bent were true. */
  readonly clockProblem: string | undefined;
  /** The output of the proxies, for finding the cause of a violation. */
  readonly output: readonly string[];
}

export interface RoundHooks {
  readonly program?: ProxyProgram;
  /** Called before each fault is carried out. */
  readonly onFault?: (kind: FaultKind, number: number, acknowledged: number) => void;
}

/** Number of commands that are acknowledged after the last fault. */
const LAST_COMMANDS = 50;

/** After this time a round carries out no further faults, in milliseconds. */
const MAX_FAULTS_MS = 180_000;

/**
 * Runs one round. It starts a world, and callers use it while faults are carried out. Then everything that was stored
 * is compared with everything that the callers saw. The scope's clean-ups end all processes.
 *
 * @throws if the harness itself fails. Faults of the log or the proxy are violations.
 */
export async function runRound(
  scope: TestScope,
  plan: RoundPlan,
  { program, onFault }: RoundHooks = {},
): Promise<RoundOutcome> {
  const startedMs = performance.now();
  const world = await startWorld(scope, plan, program);
  const load = new Load(plan, world.proxies);
  const faults = new Map<FaultKind, number>();
  const violations: string[] = [];
  const moves: Awaited<ReturnType<typeof whileMoving>>[] = [];
  const acknowledged = async (count: number): Promise<boolean> => {
    if (await load.moreAcknowledged(count)) return true;
    const last = [...faults.keys()].at(-1) ?? "the start";
    violations.push(`no acknowledgement for ${RECOVERY_MS} ms, and nothing is broken since: ${last}`);
    return false;
  };
  load.start();
  try {
    for (const [index, { afterAcknowledged, fault }] of plan.steps.entries()) {
      if (!(await acknowledged(afterAcknowledged)) || performance.now() - startedMs > MAX_FAULTS_MS) break;
      onFault?.(fault.kind, index + 1, load.acknowledged);
      const work = () => inject(world, load, fault);
      if (isCalm(plan)) moves.push(await whileMoving(world, work));
      else await work();
      // Moves the kind to the end of the map, because the last key is the latest fault.
      const times = faults.get(fault.kind) ?? 0;
      faults.delete(fault.kind);
      faults.set(fault.kind, times + 1);
    }
    if (violations.length === 0) await acknowledged(LAST_COMMANDS);
  } finally {
    await load.finish();
  }
  const unasked = world.proxies.flatMap((proxy) => proxy.unasked);
  const verdict = await judge(world, plan, load);
  const linearizability = await checkLinearizability(load.operations);
  if (hasOneOwner(plan)) violations.push(...findings(linearizability));
  return {
    plan,
    faults,
    violations: [...violations, ...unasked, ...load.oddities, ...verdict.violations],
    counts: verdict.counts,
    linearizability,
    durationMs: performance.now() - startedMs,
    longestSilenceMs: load.longestSilenceMs,
    pauses: pausesOf(load.operations, moves),
    clockProblem: world.clockProblem,
    output: world.proxies.flatMap(({ output }) => output),
  };
}
