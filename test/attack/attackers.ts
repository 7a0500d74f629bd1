// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import type { RunningProcess, TestScope } from "../lib/processes.ts";
import { startProcess } from "../lib/processes.ts";
import type { Tools } from "./attack.ts";
import type { Counts } from "./tally.ts";
import { sumCounts } from "./tally.ts";
import type { Target } from "./target.ts";

/** The order that one process of an attack gets. */
export interface AttackOrder {
  readonly name: string;
  readonly ways: readonly string[];
  readonly target: Target;
  readonly seed: number;
  readonly durationMs: number;
  readonly share: Tools["share"];
}

export interface Attackers {
  /** The sum of what all processes have done so far. */
  counts(): Counts;
  /** Resolves when all processes have ended, with the first failure; undefined if none failed. */
  readonly done: Promise<string | undefined>;
  /** Kills them. */
  stop(): Promise<void>;
}

const ATTACKER = join(import.meta.dirname, "attacker.ts");

/** Starts the attacking processes. */
export function startAttackers(
  scope: TestScope,
  order: Omit<AttackOrder, "share">,
  processes: number,
): Attackers {
  const all = Array.from({ length: processes }, (_, index) => {
    const share = { index, of: processes };
    const own: AttackOrder = { ...order, seed: order.seed + index, share };
    return startProcess(scope, ATTACKER, {}, [JSON.stringify(own)]);
  });
  return {
    counts: () => sumCounts(all.map(lastCounts)),
    done: Promise.all(all.map(failureOf)).then((failures) =>
      failures.find((failure) => failure !== undefined),
    ),
    async stop() {
      await Promise.all(all.map((attacker) => attacker.kill("SIGKILL")));
    },
  };
}

function lastCounts({ stdout }: RunningProcess): Counts {
  return JSON.parse(stdout.findLast((line) => line.startsWith("{")) ?? "{}") as Counts;
}

async function failureOf({ exited, stderr }: RunningProcess): Promise<string | undefined> {
  const { code, signal } = await exited;
  if (code === 0) return undefined;
  return stderr.length > 0 ? stderr.join("\n") : `ended with ${signal ?? `code ${code}`}`;
}
