// SPDX-License-Identifier: Apache-2.0
// Tests that bench.test.ts leaves out because they take minutes. `npm run faults` runs them.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import test from "ava";

import { natsSerialTest } from "../../test/lib/nats/nats-test.ts";
import { POD_CASES } from "./pods/cases.ts";
import { bench, quickRun } from "./test-lib/quick-run.ts";

// One after the other: each takes the machine for itself.
test.serial("a quick run measures every case and the footprint, and leaves nothing behind", (t) =>
  quickRun(t, "sqlite"),
);

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

natsSerialTest("a quick run with three pods measures every part, and leaves nothing behind", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "perdure-bench-test-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const json = join(folder, "rows.jsonl");
  const data = join(folder, "data");
  const quick = ["--quick", "--callers", "2", "--seconds", "0.5", "--json", json, "--data", data];
  const { code, stdout, stderr } = await bench("--pods", "3", ...quick);
  t.is(code, 0, stderr);
  const rows = readFileSync(json, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  t.deepEqual(
    rows.map((row) => row["case"]),
    POD_CASES.map(({ name }) => name),
  );
  for (const row of rows) t.true(Number(row["p50Us"]) > 0 && Number(row["ratio"]) > 0, JSON.stringify(row));
  for (const what of ["at most 1.3", "÷ one", "claims all shards", "a pod leaves", "3 pods  "])
    t.true(stdout.includes(what), `${what}\n${stdout}`);
  t.deepEqual(readdirSync(data), []);
});

natsSerialTest("a quick run with NATS measures the same, with both ways to sync", (t) => quickRun(t, "nats"));
