// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import test from "ava";

import { CASES } from "./cases.ts";

const MAIN = join(import.meta.dirname, "main.ts");

async function bench(...args: readonly string[]) {
  const child = spawn(process.execPath, ["--expose-gc", MAIN, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit") as Promise<[number | null]>;
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { code, stdout, stderr };
}

test("a quick run measures every case and the footprint, and leaves nothing behind", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "perdure-bench-test-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const json = join(folder, "rows.jsonl");
  const data = join(folder, "data");
  const quick = ["--quick", "--callers", "1", "--seconds", "0.2", "--json", json, "--data", data];
  const { code, stdout, stderr } = await bench(...quick);
  t.is(code, 0, stderr);

  const rows = readFileSync(json, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  t.deepEqual(
    rows.map((row) => row["case"]),
    CASES.map(({ name }) => name),
  );
  for (const row of rows) {
    t.deepEqual(Object.keys(row), ["case", "callers", "p50Us", "p99Us", "perSecond", "ratio", "durability"]);
    t.true(Number(row["p50Us"]) > 0 && Number(row["p50Us"]) <= Number(row["p99Us"]), JSON.stringify(row));
    t.true(Number(row["perSecond"]) > 0 && Number(row["ratio"]) > 0, JSON.stringify(row));
  }
  t.is(rows.find((row) => row["case"] === "direct call")?.["ratio"], 1);
  for (const { name } of CASES) t.true(stdout.includes(`| ${name} `), name);
  for (const what of ["start to listening", "unpacked", "idle proxy", "under load", "warm entity"]) {
    t.true(stdout.includes(what), what);
  }
  t.regex(stdout, /meanwhile \d+ % .* other processes/);
  t.deepEqual(readdirSync(data), []);
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
