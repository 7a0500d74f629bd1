// SPDX-License-Identifier: Apache-2.0

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ExecutionContext } from "ava";
import test from "ava";

import type { RunningProcess } from "../lib/processes.ts";
import { startProcess } from "../lib/processes.ts";

const MAIN = join(import.meta.dirname, "main.ts");
const linuxTest = process.platform === "linux" ? test.serial : test.skip;

/** `npm run attack`, but for the installation. */
function attack(t: ExecutionContext, args: string): RunningProcess {
  return startProcess(t, MAIN, {}, args.split(" "));
}

test("help and list are for people, wrong usage ends with code 2", async (t) => {
  const help = attack(t, "--help");
  t.deepEqual(await help.exited, { code: 0, signal: null });
  t.true(help.stdout.join("\n").includes("npm run attack -- [options]"));
  const list = attack(t, "--list");
  t.deepEqual(await list.exited, { code: 0, signal: null });
  t.true(list.stdout.some((line) => line.startsWith("half-sent: ")));
  for (const [args, text] of [
    ["--seed x", "attack: --seed takes a whole number from 0 to 4294967295"],
    ["--only half-sent,rain", 'attack: there is no attack "rain"; --list shows all'],
  ] as const) {
    const wrong = attack(t, args);
    t.deepEqual(await wrong.exited, { code: 2, signal: null });
    t.deepEqual(wrong.stderr, [text, "Try --help."]);
  }
});

linuxTest("a proxy that breaks the measure is red, with what broke it and its figures", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "perdure-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const json = join(folder, "figures.json");
  // No proxy is as small as one MiB.
  const red = attack(t, `--short --only h2-floods:ping --seed 3 --max-memory 1 --json ${json}`);
  t.deepEqual(await red.exited, { code: 1, signal: null });
  t.is(red.stdout.at(-1), "0 passed, 1 failed");
  t.true(red.stdout.some((line) => /memory reached \d+ MiB, not under 1 MiB/.test(line)));
  t.true(red.stdout.some((line) => line.includes("--only h2-floods:ping --seed 3 --short")));
  const { seed, results } = JSON.parse(readFileSync(json, "utf8")) as Figures;
  t.is(seed, 3);
  t.deepEqual(
    results.map(({ name, isGood }) => [name, isGood]),
    [
      ["quiet", undefined],
      ["h2-floods:ping", false],
    ],
  );
});

interface Figures {
  readonly seed: number;
  readonly results: readonly { readonly name: string; readonly isGood?: boolean }[];
}
