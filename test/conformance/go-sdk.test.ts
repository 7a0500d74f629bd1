// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import test from "ava";

import { freePort, systemRandom } from "../../pkg/base/mod.ts";

import { Crdt } from "../../pkg/protocol/gen/cloudstate/crdt_pb.ts";
import { goDependency } from "../lib/go-tool.ts";
import { guardProcess } from "../lib/nats/guard.ts";
import type { TestScope } from "../lib/processes.ts";
import { GROUPS } from "./cases/all.ts";
import { resultLines } from "./cli/report.ts";
import { runCases, runnable } from "./suite/run-cases.ts";
import { proxyBefore, serviceAt } from "./test-lib/pair.ts";

const MODEL = {
  folder: join(import.meta.dirname, "go-sdk"),
  package: "github.com/cloudstateio/go-support/tck/cmd/tck_eventsourced",
};

/** The model services on Cloudstate's SDK for Go, v0.3.0. Gives their address. */
async function startGoModel(scope: TestScope, program: string): Promise<string> {
  const port = await freePort("127.0.0.1", systemRandom);
  const child = spawn(program, { env: { HOST: "127.0.0.1", PORT: String(port) }, stdio: "ignore" });
  const exited = once(child, "exit");
  const guard = guardProcess(child.pid ?? 0);
  scope.teardown(async () => {
    child.kill("SIGKILL");
    await exited;
    guard.release();
  });
  return `127.0.0.1:${port}`;
}

test("all cases pass with Cloudstate's SDK for Go as it is, by itself and behind our proxy, which does not serve all of it", async (t) => {
  t.timeout(700_000, "building it for the first time takes a minute");
  const built = await goDependency(MODEL);
  t.timeout(120_000);
  if (built.kind === "missing") {
    console.log(`the SDK for Go skipped: ${built.reason}`);
    t.pass();
    return;
  }
  const address = await startGoModel(t, built.path);
  const sides = {
    service: await serviceAt(t, address),
    proxy: await proxyBefore(t, address),
  };
  const crdts = sides.proxy.spec.entities.filter(({ entityType }) => entityType === Crdt.typeName);
  t.true(crdts.length > 0, "it announces more than the proxy serves");
  const wrong: string[] = [];
  let passed = 0;
  for await (const result of runCases(runnable(GROUPS), sides)) {
    if (result.verdict.kind === "passed") passed += 1;
    else wrong.push(result.group, ...resultLines(result, (_style, text) => text));
  }
  t.is(wrong.join("\n"), "");
  t.is(passed, 95);
});
