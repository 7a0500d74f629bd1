// SPDX-License-Identifier: Apache-2.0

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ExecutionContext } from "ava";
import test from "ava";

import { until } from "../../test/lib/until.ts";
import { clusterPaths } from "./paths.ts";
import { Processes, startTicksOf } from "./processes.ts";

function processes(t: ExecutionContext): { readonly folder: string; readonly processes: Processes } {
  const folder = mkdtempSync(join(tmpdir(), "perdure-processes-"));
  const own = new Processes(clusterPaths({ PERDURE_CLUSTER_DIR: folder }));
  t.teardown(async () => {
    for (const name of own.names()) await own.stop(name, 0);
    rmSync(folder, { recursive: true, force: true });
  });
  return { folder, processes: own };
}

test("a program runs in the background with a log, once, until it is stopped", async (t) => {
  const { folder, processes: own } = processes(t);
  own.start("sleeper", ["sh", "-c", "echo started; exec sleep 100"]);
  t.true(own.isRunning("sleeper"));
  const file = join(folder, "run", "pids", "sleeper");
  const identity = readFileSync(file, "utf8");
  own.start("sleeper", ["sleep", "100"]);
  t.is(readFileSync(file, "utf8"), identity);
  await until("the log", () => readFileSync(own.logFile("sleeper"), "utf8") === "started\n");
  t.deepEqual(own.names(), ["sleeper"]);

  await own.stop("sleeper", 10_000);
  t.is(startTicksOf((JSON.parse(identity) as { pid: number }).pid), undefined);
  t.deepEqual(own.names(), []);
});

test("one that does not end when asked is killed", async (t) => {
  const { processes: own } = processes(t);
  own.start("stubborn", ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"]);
  await until("the trap", () => readFileSync(own.logFile("stubborn"), "utf8") === "ready\n");
  await own.stop("stubborn", 100);
  t.false(own.isRunning("stubborn"));
});

test("a process that got the id of one which ended is left alone (invariant 1)", async (t) => {
  const { folder, processes: own } = processes(t);
  own.start("first", ["sleep", "100"]);
  const file = join(folder, "run", "pids", "first");
  const { pid } = JSON.parse(readFileSync(file, "utf8")) as { pid: number };
  writeFileSync(join(folder, "run", "pids", "second"), JSON.stringify({ pid, startTicks: "1" }));
  t.false(own.isRunning("second"));
  await own.stop("second", 0);
  t.true(own.isRunning("first"));
});

test("one that cannot be started does not run", (t) => {
  const { processes: own } = processes(t);
  own.start("nothing", ["/nonexistent/program"]);
  t.false(own.isRunning("nothing"));
});
