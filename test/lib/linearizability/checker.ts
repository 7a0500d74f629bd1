// SPDX-License-Identifier: Apache-2.0

/**
 * Checks whether histories are linearizable: whether each operation can be given one moment between its call and its
 * answer such that all answers are right. The search is done by porcupine (a Go module), in a program of our own
 * (`checker/`) that is built once for a machine.
 */

import { spawn } from "node:child_process";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";

import type { BuiltGoTool } from "../go-tool.ts";
import { goDependency } from "../go-tool.ts";
import type { Operation } from "../history.ts";
import { guardProcess } from "../nats/guard.ts";

export interface EntityVerdict {
  readonly entity: string;
  /** `unknown`: the search came to its limits. */
  readonly verdict: "ok" | "not linearizable" | "unknown";
  readonly operations: number;
  readonly durationMs: number;
  /** Of a history that is not linearizable: lines for people with a few operations that are wrong by themselves. */
  readonly counterexample?: readonly string[];
}

export type Linearizability =
  | { readonly kind: "judged"; readonly verdicts: readonly EntityVerdict[] }
  /** There is no checker on this machine; the reason is one line for people. */
  | { readonly kind: "skipped"; readonly reason: string };

export interface CheckerLimits {
  /** For the search of one entity, and as much again for its counterexample. */
  readonly timeLimitMs: number;
  /** For the search of one entity, approximately. As many as there are processors are searched at the same time. */
  readonly memoryLimitMiB: number;
}

const CHECKER = {
  folder: join(import.meta.dirname, "checker"),
  package: "perdure.dev/test/linearizability",
};

/** A search takes milliseconds unless something is wrong. */
const DEFAULT_LIMITS: CheckerLimits = { timeLimitMs: 20_000, memoryLimitMiB: 512 };

/** The program. The first call on a machine takes up to a minute, the next ones milliseconds. */
export function findChecker(): Promise<BuiltGoTool> {
  return goDependency(CHECKER);
}

/**
 * Judges each entity by itself, in the order in which they first occur.
 *
 * @throws if the program refuses the history, which is then not a history.
 */
export async function checkLinearizability(
  operations: readonly Operation[],
  limits: Partial<CheckerLimits> = {},
): Promise<Linearizability> {
  const built = await findChecker();
  if (built.kind === "missing") return { kind: "skipped", reason: built.reason };
  const { timeLimitMs, memoryLimitMiB } = { ...DEFAULT_LIMITS, ...limits };
  const args = [`-time-limit=${timeLimitMs}ms`, `-memory-limit=${memoryLimitMiB}`];
  const child = spawn(built.path, args, { stdio: ["pipe", "pipe", "pipe"] });
  const guard = guardProcess(child.pid ?? 0);
  const exited = Promise.withResolvers<number | null>();
  child.once("error", exited.reject).once("close", exited.resolve);
  try {
    // If the program ends early, its own message says more than the broken pipe.
    const feeding = pipeline(Readable.from(linesOf(operations)), child.stdin).catch(() => undefined);
    const [stdout, stderr, code] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      exited.promise,
      feeding,
    ]);
    if (code !== 0) throw new Error(`the linearizability checker ended with ${code}: ${stderr.trim()}`);
    const lines = stdout.split("\n").filter((line) => line !== "");
    return { kind: "judged", verdicts: lines.map((line) => JSON.parse(line) as EntityVerdict) };
  } finally {
    guard.release();
  }
}

/** What was found, each with its counterexample in one text, and which histories were not judged. */
export function findings(result: Linearizability): string[] {
  if (result.kind === "skipped") return [];
  return result.verdicts.flatMap(({ entity, verdict, operations, counterexample = [] }) => {
    if (verdict === "ok") return [];
    if (verdict === "unknown")
      return [`${entity}: not judged: the search in ${operations} operations is too long`];
    return [`${entity}: not linearizable: ${counterexample.join("\n      ")}`];
  });
}

/** One line about all entities. */
export function linearizabilityText(result: Linearizability): string {
  if (result.kind === "skipped") return `linearizability not checked: ${result.reason}`;
  const count = (wanted: EntityVerdict["verdict"]): number =>
    result.verdicts.filter(({ verdict }) => verdict === wanted).length;
  const wrong = count("not linearizable");
  const open = count("unknown");
  const all = `${count("ok")} of ${result.verdicts.length} histories linearizable`;
  return `${all}${wrong > 0 ? `, ${wrong} not` : ""}${open > 0 ? `, ${open} unknown` : ""}`;
}

/** The lines that `checker/history.go` describes. What was refused had no effect, so it is left out. */
function* linesOf(operations: readonly Operation[]): Generator<string> {
  for (const { entity, process, action, callUs, outcome } of operations) {
    if (outcome.kind === "refused") continue;
    const { kind: _, ...answer } = outcome;
    yield `${JSON.stringify({ entity, process, ...action, callUs, ...answer })}\n`;
  }
}
