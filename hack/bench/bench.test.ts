// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import test from "ava";
import type { ExecutionContext } from "ava";

import { natsTest } from "../nats/nats-test.ts";
import { CASES } from "./cases.ts";
import type { LogName } from "./cases.ts";

/** Of a row of JSON. */
const MEMBERS = ["case", "callers", "p50Us", "p99Us", "perSecond", "ratio", "durability"];

const MAIN = join(import.meta.dirname, "main.ts");

async function bench(...args: readonly string[]) {
  const child = spawn(process.execPath, ["--expose-gc", MAIN, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit") as Promise<[number | null]>;
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { code, stdout, stderr };
}

/** Runs everything there is with the log, as quickly as it goes; checks the rows and that nothing is left behind. */
async function quickRun(t: ExecutionContext, log: LogName) {
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
    CASES[log].map(({ name, durability }) => `${name}, ${durability}`),
  );
  for (const row of rows) {
    t.deepEqual(Object.keys(row).slice(0, 7), MEMBERS);
    t.true(Number(row["p50Us"]) > 0 && Number(row["p50Us"]) <= Number(row["p99Us"]), JSON.stringify(row));
    t.true(Number(row["perSecond"]) > 0 && Number(row["ratio"]) > 0, JSON.stringify(row));
  }
  t.is(rows.find((row) => row["case"] === "direct call")?.["ratio"], 1);
  for (const { name } of CASES[log]) t.true(stdout.includes(`| ${name} `), name);
  t.regex(stdout, /meanwhile \d+ % .* other processes/);
  t.deepEqual(readdirSync(data), []);
  return { rows, stdout };
}

// One after the other: each takes the machine for itself.
test.serial("a quick run measures every case and the footprint, and leaves nothing behind", async (t) => {
  const { rows, stdout } = await quickRun(t, "sqlite");
  for (const row of rows) t.deepEqual(Object.keys(row), MEMBERS);
  for (const what of ["start to listening", "unpacked", "idle proxy", "under load", "warm entity"]) {
    t.true(stdout.includes(what), what);
  }
});

natsTest("so does one with NATS, with both ways to sync, cold activations and many entities", async (t) => {
  const { rows, stdout } = await quickRun(t, "nats");
  for (const row of rows) {
    const publishes = String(row["case"]).endsWith(" publish");
    t.deepEqual(Object.keys(row), publishes ? [...MEMBERS, "perCpuSecond"] : MEMBERS);
    if (publishes) t.true(Number(row["perCpuSecond"]) > 0, JSON.stringify(row));
  }
  const parts = [/command, 1 caller, p50/, /unpacked, warm/, /unpacked, cold/, /10000 entities filled/];
  for (const part of [...parts, /start after SIGKILL/, /random one, cold/]) t.regex(stdout, part);
});

test.serial("with another checkout its proxy is measured too, and speed decides nothing", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "perdure-bench-test-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const json = join(folder, "rows.jsonl");
  const some = ["--cases", "command memory", "--callers", "1", "--seconds", "1", "--rounds", "2"];
  const against = (checkout: string) =>
    bench("--against", checkout, ...some, "--json", json, "--data", folder);
  const { code, stdout, stderr } = await against(join(import.meta.dirname, "..", ".."));
  t.is(code, 0, stderr);
  t.regex(stdout, /command memory .* p50 µs /);
  const row = readFileSync(json, "utf8").trim().split("\n").at(-1) ?? "";
  t.regex(row, /"changes":\[\{"figure":"perSecond","before":[1-9]\d*.*\{"figure":"p50Us","before":[1-9]/);

  const missing = await against(folder);
  t.is(missing.code, 1);
  t.true(missing.stderr.includes(join(folder, "cmd", "proxy", "main.ts")), missing.stderr);
});

test("wrong usage and a file that cannot be written are told apart by the exit code", async (t) => {
  const wrong = await bench("--callers", "none");
  t.is(wrong.code, 2);
  t.regex(wrong.stderr, /--callers takes/);
  const unwritable = await bench("--json", join(import.meta.dirname, "no-such-folder", "rows.jsonl"));
  t.is(unwritable.code, 1);
  t.regex(unwritable.stderr, /no-such-folder/);
  const help = await bench("--help");
  t.is(help.code, 0);
  t.regex(help.stdout, /--json FILE/);
});
