// SPDX-License-Identifier: Apache-2.0

import { execFile } from "node:child_process";
import { mkdtempDisposableSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import type { Run } from "./runs.ts";

const run = promisify(execFile);

/** Bounds of one search. */
const MAX_MEMORY_MIB = 4_000;
const MAX_DEPTH = 200_000;
const TIMEOUT_MS = 300_000;
const MAX_OUTPUT_BYTES = 10_000_000;

export interface Search {
  /** The assertion that does not hold; undefined: all hold, in every state. */
  readonly violation: string | undefined;
  readonly states: number;
  readonly seconds: number;
  /** The steps that lead to the violation, as sentences. */
  readonly trace: readonly string[];
}

/**
 * Searches all states of the model in this folder.
 *
 * @throws Error if the search does not end within its bounds, or a program fails.
 */
export async function search(spin: string, folder: string, { flags }: Run): Promise<Search> {
  using scratch = mkdtempDisposableSync(join(tmpdir(), "perdure-spec-"));
  const options = { cwd: scratch.path, timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES };
  const model = join(folder, "cluster.pml");
  await run(spin, [...flags, "-a", model], options);
  const memory = `-DMEMLIM=${MAX_MEMORY_MIB}`;
  await run("gcc", ["-w", "-O2", "-DSAFETY", memory, "-o", "pan", "pan.c"], options);
  const { stdout } = await run(join(scratch.path, "pan"), [`-m${MAX_DEPTH}`], options);
  const found = readSearch(stdout);
  if (found.violation === undefined) return { ...found, trace: [] };
  const trail = await run(
    spin,
    [...flags, "-T", "-k", join(scratch.path, "cluster.pml.trail"), model],
    options,
  );
  return { ...found, trace: readTrace(trail.stdout) };
}

/**
 * Reads what the search printed.
 *
 * @throws Error if it did not visit all states and found nothing either.
 */
export function readSearch(output: string): Omit<Search, "trace"> {
  const violation = /assertion violated (.*) \(at depth \d+\)/.exec(output)?.[1]?.trim();
  const errors = /errors: (\d+)/.exec(output)?.[1];
  const states = /(\d+(?:\.\d+)?(?:e\+\d+)?) states, stored/.exec(output)?.[1];
  const seconds = /elapsed time (\S+) seconds/.exec(output)?.[1] ?? "0";
  const isWhole = !/search not completed|max search depth too small/i.test(output);
  const isClear = violation === undefined ? errors === "0" && isWhole : errors !== "0";
  if (states === undefined || !isClear) throw new Error(`the search did not end:\n${output}`);
  return { violation, states: Number(states), seconds: Number(seconds) };
}

/** The sentences of a trail, without what spin prints around them. */
function readTrace(output: string): readonly string[] {
  const lines = output.split("\n").map((line) => line.trim());
  return lines.filter((line) => /^(?:pod|command|the|time) /.test(line));
}
