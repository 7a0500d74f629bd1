// SPDX-License-Identifier: Apache-2.0

import { driftingClock, findClockBender, JumpingClock } from "../lib/bent-clock.ts";
import type { TestScope } from "../lib/processes.ts";
import { temporaryFolder } from "../lib/processes.ts";
import type { RoundPlan } from "./plan.ts";

/**
 * How fast the clocks of the first two proxies go in a round with bent clocks. The fast one counts 1.196 times as much
 * as the slow one, and less than a fifth more is assumed (ADR 29).
 */
const RATES: readonly number[] = [0.92, 1.1];

export interface BentClocks {
  /** For each proxy, the variables that it is started with. */
  readonly envs: readonly Readonly<Record<string, string>>[];
  /** Those that do not drift, and whose wall clocks can be made wrong. */
  readonly jumping: readonly JumpingClock[];
  /** Why clocks that the plan wants bent are true on this machine. */
  readonly problem?: string;
}

/** The clocks of a round's proxies. They are true if the plan says so, or if this machine cannot bend them. */
export async function bendClocks(scope: TestScope, { clocks, proxies }: RoundPlan): Promise<BentClocks> {
  if (clocks === "true") return { envs: [], jumping: [] };
  const library = await findClockBender();
  if (library.kind === "missing") return { envs: [], jumping: [], problem: library.reason };
  const jumping: JumpingClock[] = [];
  const envs = Array.from({ length: proxies }, (_, index) => {
    const rate = RATES[index];
    if (rate !== undefined) return driftingClock(library.path, rate);
    const clock = new JumpingClock(library.path, temporaryFolder(scope));
    jumping.push(clock);
    return clock.env;
  });
  return { envs, jumping };
}
