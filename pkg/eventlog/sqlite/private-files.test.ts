// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

import test from "ava";

import { silentLogger } from "../../base/mod.ts";
import { logsOnly } from "../../telemetry/mod.ts";

import { temporaryFolder } from "../../../test/lib/processes.ts";
import { openSqliteLog } from "./log.ts";

test("under the usual umask of 022 what is made is for its owner only: files 0600, folders 0700", async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, "a/b/log.db");
  const script = join(import.meta.dirname, "testdata/appender.ts");
  const args = ["-c", 'umask 022; exec "$0" "$@"', process.execPath, script, path, "1", "5"];
  const child = spawn("sh", args, { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  for await (const line of createInterface(child.stdout)) {
    if (line !== "done") continue;
    const names = ["a", "a/b", ...fs.readdirSync(join(folder, "a/b")).map((name) => `a/b/${name}`)];
    t.deepEqual(Object.fromEntries(names.map((name) => [name, modeOf(join(folder, name))])), {
      a: "700",
      "a/b": "700",
      "a/b/log.db": "600",
      "a/b/log.db-lock": "600",
      "a/b/log.db-shm": "600",
      "a/b/log.db-wal": "600",
    });
    child.kill("SIGKILL");
  }
  await exited;
});

test("files that every user may read are left as they are, and a warning names them", async (t) => {
  const path = join(temporaryFolder(t), "log.db");
  await (await openSqliteLog(path)).close();
  fs.chmodSync(path, 0o644);
  const lines: string[] = [];
  const logger = { ...silentLogger, warn: (...line: unknown[]) => lines.push(JSON.stringify(line)) };
  const log = await openSqliteLog(path, { telemetry: logsOnly(logger) });
  t.teardown(() => log.close());
  t.is(modeOf(path), "644");
  t.is(lines.length, 1);
  t.regex(lines[0] ?? "", /every user of this machine may read it, change that with chmod 600.*log\.db"/);
});

function modeOf(path: string): string {
  return (fs.statSync(path).mode & 0o777).toString(8);
}
