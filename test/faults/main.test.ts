// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import type { ExecutionContext } from "ava";
import test from "ava";

import { natsTest } from "../lib/nats/nats-test.ts";
import type { Listed } from "../lib/process-list.ts";
import { descendants, processes } from "../lib/process-list.ts";
import type { RunningProcess } from "../lib/processes.ts";
import { startProcess } from "../lib/processes.ts";
import { until } from "../lib/until.ts";

const MAIN = join(import.meta.dirname, "main.ts");

/** `npm run faults`, but for the installation. */
function faults(t: ExecutionContext, args: readonly string[]): RunningProcess {
  const cache = process.env["XDG_CACHE_HOME"];
  return startProcess(t, MAIN, cache === undefined ? {} : { XDG_CACHE_HOME: cache }, args);
}

test("help is for people, wrong usage ends with code 2", async (t) => {
  const help = faults(t, ["--help"]);
  t.deepEqual(await help.exited, { code: 0, signal: null });
  t.true(help.stdout.join("\n").includes("npm run faults -- [options]"));
  const wrong = faults(t, ["--replicas", "2"]);
  t.deepEqual(await wrong.exited, { code: 2, signal: null });
  t.deepEqual(wrong.stderr, ["faults: --replicas takes 1 or 3", "Try --help."]);
});

natsTest("a run that is killed leaves no process behind, not even one that it has stopped", async (t) => {
  t.timeout(120_000);
  const driver = faults(t, ["--seed", "1", "--rounds", "1", "--scenario", "pauses", "--replicas", "1"]);
  let family: readonly Listed[] = [];
  await until(
    "all is there, and one is stopped",
    async () => {
      family = descendants(await processes(), driver.pid);
      const has = (name: string) => family.some(({ command }) => command.includes(name));
      const isOneStopped = family.some(({ state }) => state.startsWith("T"));
      return isOneStopped && has("nats-server") && has("cmd/proxy/main.ts");
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
