// SPDX-License-Identifier: Apache-2.0
// Tests that main.test.ts leaves out, because each takes as long as an attack. `npm run faults` runs them.

import { join } from "node:path";

import type { ExecutionContext } from "ava";
import test from "ava";

import type { Listed } from "../lib/process-list.ts";
import { descendants, processes } from "../lib/process-list.ts";
import type { RunningProcess } from "../lib/processes.ts";
import { startProcess } from "../lib/processes.ts";
import { until } from "../lib/until.ts";

const MAIN = join(import.meta.dirname, "main.ts");
const linuxTest = process.platform === "linux" ? test.serial : test.skip;

/** `npm run attack`, but for the installation. */
function attack(t: ExecutionContext, args: string): RunningProcess {
  return startProcess(t, MAIN, {}, args.split(" "));
}

linuxTest("where no cgroup can be made, memory is read from the process", async (t) => {
  const red = attack(t, "--short --only h2-floods:ping --seed 1 --no-cgroup --max-memory 1");
  t.deepEqual(await red.exited, { code: 1, signal: null });
  t.true(red.stdout.some((line) => line.includes("no cgroup: its memory is what /proc says")));
  t.true(red.stdout.some((line) => /memory reached \d\d+ MiB, not under 1 MiB/.test(line)));
});

linuxTest("with its bound switched off an attack succeeds, which is what is expected then", async (t) => {
  // Of those, the one that does not depend on how busy the machine is.
  const proof = attack(t, "--short --only drain:http1 --seed 1 --without drain-secret");
  t.deepEqual(await proof.exited, { code: 0, signal: null });
  t.is(proof.stdout.at(-1), "1 passed, 0 failed");
});

linuxTest("a run that is killed leaves no process behind", async (t) => {
  const driver = attack(t, "--short --only idle-tcp:one-address --seed 1");
  let family: readonly Listed[] = [];
  await until(
    "the attack is under way",
    async () => {
      family = descendants(await processes(), driver.pid);
      return family.some(({ command }) => command.includes("test/attack/attacker.ts"));
    },
    60_000,
  );
  await driver.kill("SIGKILL");
  await until("all are gone", async () => {
    const left = new Map((await processes()).map((each) => [each.pid, each]));
    return family.every(({ pid, command }) => left.get(pid)?.command !== command);
  });
  t.true(family.length >= 3);
});
