// SPDX-License-Identifier: Apache-2.0

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";

import test from "ava";

import { Scope } from "../lib/scope.ts";
import { openCgroup } from "./cgroup.ts";

const run = promisify(execFile);
const MIB = 1_048_576;

test("a process in a cgroup finds its bound, is measured, and is killed beyond it", async (t) => {
  const scope = new Scope();
  const cgroup = openCgroup(scope, 100 * MIB);
  if (cgroup === undefined) {
    t.log("no cgroup can be made here");
    t.pass();
    return;
  }
  const { prefix, meter } = cgroup;
  const [command = "", ...args] = prefix;
  const node = (script: string) => run(command, [...args, process.execPath, "-e", script]);

  const { stdout } = await node("console.log(process.constrainedMemory())");
  t.is(Number(stdout), 100 * MIB);
  t.is(meter.outOfMemoryKills(), 0);
  await t.throwsAsync(node(`const a = []; for (;;) a.push(Buffer.alloc(${MIB}, 1))`));
  t.is(meter.outOfMemoryKills(), 1);
  t.true((meter.usedBytes() ?? 0) < 100 * MIB);

  const folder = prefix.at(-1) ?? "";
  t.true(existsSync(folder));
  await scope[Symbol.asyncDispose]();
  t.false(existsSync(folder));
  t.true(existsSync(dirname(folder)));
});
