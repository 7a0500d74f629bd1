// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

import test from "ava";

import { counterSpec } from "../lib/counter.ts";
import type { CounterCommand } from "../lib/counter-function.ts";
import { counterFunction } from "../lib/counter-function.ts";
import { httpClient } from "../lib/http-client.ts";
import { startProxyProcess } from "../lib/processes.ts";
import { startScriptedUserFunction } from "../lib/scripted-user-function.ts";
import { until } from "../lib/until.ts";

const ADD = "/perdure.test.Counter/Add";

test("a proxy whose log is not read any more serves on, and drains when it is told to stop", async (t) => {
  const held: CounterCommand[] = [];
  const userFunction = await startScriptedUserFunction({
    spec: counterSpec(),
    onMessage: counterFunction((command) => command.entityId === "slow" && held.push(command) > 0),
  });
  t.teardown(() => userFunction.kill());
  const proxy = await startProxyProcess(t, {
    PERDURE_LOG: "memory:",
    PERDURE_LOG_LEVEL: "debug",
    USER_FUNCTION_PORT: userFunction.port,
  });
  await proxy.ready();
  const http = httpClient(proxy.port);
  t.teardown(() => http.close());
  t.like(await http.call(ADD, { body: { id: "a", amount: 1 } }), { status: 200 });

  proxy.closeOutput();
  // At level debug each of these entities is a line, and each line finds no reader.
  for (const id of ["b", "c", "d"])
    t.like(await http.call(ADD, { body: { id, amount: 1 } }), { status: 200 });
  const slow = http.call(ADD, { body: { id: "slow", amount: 1 } });
  await until("the command is with the user function", () => held.length === 1);
  const ended = proxy.kill("SIGTERM");
  // The port is closed, so the proxy is stopping, and it waits for the open command.
  const later = httpClient(proxy.port);
  t.teardown(() => later.close());
  await until("the port is closed", () =>
    later.call(ADD, { body: { id: "e" } }).then(
      () => false,
      () => true,
    ),
  );
  held[0]?.carryOut();
  t.like(await slow, { status: 200 });
  t.deepEqual(await ended, { code: 0, signal: null });
});

test("what is left to read tells that log lines are lost", async (t) => {
  const main = join(import.meta.dirname, "../../cmd/proxy/main.ts");
  const env = { PATH: process.env["PATH"], HTTP_PORT: "0", ADMIN_PORT: "0", PERDURE_LOG: "memory:" };
  const child = spawn(process.execPath, [main], { env, stdio: ["ignore", "pipe", "pipe"] });
  t.teardown(() => void child.kill("SIGKILL"));
  child.stdout.destroy();
  const told: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => told.push(line));
  await until("it has told", () => told.length > 0);
  t.deepEqual(told, ["perdure: standard output cannot be written, so log lines are lost: write EPIPE"]);
  child.kill("SIGTERM");
  t.deepEqual(await once(child, "exit"), [0, null]);
});
