// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import type { ExecutionContext } from "ava";

import type { LogName } from "../cases.ts";
import { casesOf, durabilityOf } from "../cases.ts";

/** The members of a row in JSON, in their order. */
const MEMBERS = ["case", "callers", "p50Us", "p99Us", "perSecond", "ratio", "durability"];

const MAIN = join(import.meta.dirname, "..", "main.ts");

/** The benchmark as a process: how it ended, and what it wrote. */
export async function bench(...args: readonly string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(child, "exit") as Promise<[number | null]>;
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { code, stdout, stderr };
}

/** Runs all cases with the log as quickly as possible. Checks the rows, and that no files are left. */
export async function quickRun(t: ExecutionContext, log: LogName): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "perdure-bench-test-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const json = join(folder, "rows.jsonl");
  const data = join(folder, "data");
  const quick = ["--quick", "--callers", "1", "--seconds", "0.5", "--json", json, "--data", data];
  const { code, stdout, stderr } = await bench("--log", log, ...quick);
  t.is(code, 0, stderr);

  const rows = readFileSync(json, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  t.deepEqual(
    rows.map((row) => `${String(row["case"])}, ${String(row["durability"])}`),
    casesOf(log).map((each) => `${each.name}, ${durabilityOf(each)}`),
  );
  for (const row of rows) {
    t.deepEqual(Object.keys(row), MEMBERS);
    t.true(Number(row["p50Us"]) > 0 && Number(row["p50Us"]) <= Number(row["p99Us"]), JSON.stringify(row));
    t.true(Number(row["perSecond"]) > 0 && Number(row["ratio"]) > 0, JSON.stringify(row));
  }
  t.is(rows.find((row) => row["case"] === "direct call")?.["ratio"], 1);
  for (const { name } of casesOf(log)) t.true(stdout.includes(`| ${name} `), name);
  for (const what of ["start to listening", "idle proxy", "under load"]) t.true(stdout.includes(what), what);
  t.regex(stdout, /meanwhile \d+ % .* other processes/);
  t.deepEqual(readdirSync(data), []);
}
