// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { toBinary } from "@bufbuild/protobuf";
import test from "ava";

import { EntitySpecSchema } from "../../pkg/protocol/mod.ts";

import { counterSpec } from "../lib/counter.ts";
import { ADD, counterAmount } from "../lib/counter-function.ts";
import { startLocalProxy } from "../lib/local-proxy.ts";
import { guardProcess } from "../lib/nats/guard.ts";
import type { TestScope } from "../lib/processes.ts";
import { pythonPackage } from "../lib/python-packages.ts";

const SERVER = join(import.meta.dirname, "../interop/grpc-python/server.py");

/** A counter on gRPC's server for Python, with ten threads. Gives its port. */
async function startPythonCounter(scope: TestScope, packages: string): Promise<number> {
  const child = spawn("python3", [SERVER], {
    env: { ...process.env, PYTHONPATH: packages },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const guard = guardProcess(child.pid ?? 0);
  scope.teardown(async () => {
    child.kill("SIGKILL");
    await exited;
    guard.release();
  });
  child.stdin.end(toBinary(EntitySpecSchema, counterSpec()));
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  return Number(line);
}

test("gRPC's own server for Python, with ten threads, serves more entities than it has threads", async (t) => {
  t.timeout(320_000, "its package is installed once");
  const grpcio = await pythonPackage("grpcio", "1.85.1");
  t.timeout(120_000);
  if (grpcio.kind === "missing") {
    console.log(`gRPC for Python skipped: ${grpcio.reason}`);
    t.pass();
    return;
  }
  const { grpc, ready, readyz, lines } = await startLocalProxy(t, await startPythonCounter(t, grpcio.folder));
  await ready();
  const add = async (id: number): Promise<number> =>
    counterAmount(await grpc.call(ADD, { id: `e${id}`, amount: 1 }));
  for (const round of [1, 2]) for (let id = 0; id < 15; id++) t.is(await add(id), round);
  t.true(lines.some((text) => text.includes("leaves new streams without an answer")));
  t.regex((await readyz()).body, /serves 10 streams at a time/);
});
