// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { ExecutionContext } from "ava";
import test from "ava";

import { freePort, systemRandom } from "../../pkg/base/mod.ts";

import { ActionResponseSchema } from "../../pkg/protocol/gen/cloudstate/action_pb.ts";
import { startProcess, startProxyProcess } from "../lib/processes.ts";
import { startModel } from "./test-lib/pair.ts";
import { Interceptor } from "./wire/interceptor.ts";

const MAIN = join(import.meta.dirname, "main.ts");

/** `npx perdure-tck`, until its end. */
async function tck(t: ExecutionContext, ...args: readonly string[]) {
  const running = startProcess(t, MAIN, {}, args);
  const { code } = await running.exited;
  return { code, stdout: running.stdout, stderr: running.stderr };
}

test("the cases are listed by group: all of actions, value and event sourced entities, and what is about the proxy", async (t) => {
  const { code, stdout } = await tck(t, "--list");
  t.is(code, 0);
  const sizes = new Map<string, number>();
  let group = "";
  for (const line of stdout) {
    if (!line.startsWith(" ")) group = line;
    sizes.set(group, (sizes.get(group) ?? -1) + 1);
  }
  t.deepEqual(Object.fromEntries(sizes), {
    "verifying discovery protocol": 1,
    "verifying model test: action": 34,
    "verifying model test: value entity": 19,
    "verifying model test: event sourced entity": 21,
    "verifying proxy test: action": 9,
    "verifying proxy test: value entity": 5,
    "verifying proxy test: event sourced entity": 5,
    "verifying proxy test: gRPC server reflection": 1,
  });
});

test("our own pair is started if nothing else is to be tested", async (t) => {
  const { code, stdout } = await tck(t, "--filter", "proxy test: ACTION", "--filter", "reflection");
  t.is(stdout.at(-1), "10 passed, 0 failed");
  t.true(stdout.includes("verifying proxy test: action"));
  t.true(stdout.includes("  passed   unary HTTP API"));
  t.is(code, 0);
});

test("a proxy of somebody else finds the suite in place of its user function", async (t) => {
  const userFunctionPort = await freePort("127.0.0.1", systemRandom);
  const env = { PERDURE_LOG: "memory:", USER_FUNCTION_PORT: userFunctionPort };
  const { port } = await startProxyProcess(t, env);
  const place = ["--proxy", `127.0.0.1:${port}`, "--interceptor-port", `${userFunctionPort}`];
  const { code, stdout } = await tck(t, ...place, "--filter", "reflection", "--filter", "HTTP API");
  t.is(
    stdout[0],
    `waiting for a proxy at 127.0.0.1:${port}, whose user function is at port ${userFunctionPort}`,
  );
  // Of the other half there is nothing to test.
  t.false(stdout.some((line) => line.startsWith("verifying model test")));
  t.true(stdout.includes("  passed   unary HTTP API"));
  t.is(code, 0);
});

test("a user function of somebody else that fails a case", async (t) => {
  const wrong = await Interceptor.listen({
    host: "127.0.0.1",
    port: 0,
    service: await startModel(t),
    tamper(path, from, bytes) {
      if (!path.endsWith("/handleStreamedIn") || from !== "service") return bytes;
      const out = fromBinary(ActionResponseSchema, bytes);
      if (out.response.case === "failure") out.response.value.commandId = 7n;
      return toBinary(ActionResponseSchema, out);
    },
  });
  t.teardown(() => wrong.close());
  const { code, stdout } = await tck(
    t,
    "--service",
    `127.0.0.1:${wrong.port}`,
    "--filter",
    "model test: action",
  );
  t.is(code, 1);
  t.is(stdout.at(-1), "32 passed, 2 failed");
  const from = stdout.indexOf("  failed   streamed-in failure");
  t.is(
    stdout.slice(from, from + 16).join("\n"),
    `  failed   streamed-in failure
             answer 1: another message came
             expected
               {
                 "failure": {
                   "description": "one"
                 }
               }
             actual
               {
                 "failure": {
                   "commandId": "7",
                   "description": "one"
                 }
               }
  failed   streamed-in failure with side effects`,
  );
});

test("if there is nothing to test, that is no success", async (t) => {
  const nobody = await tck(t, "--service", "127.0.0.1:1", "--wait-seconds", "0.1");
  t.is(nobody.code, 2);
  t.regex(nobody.stderr.join("\n"), /^perdure-tck: no user function at 127\.0\.0\.1:1: /);
  const none = await tck(t, "--filter", "no such case");
  t.is(none.code, 2);
  const wrong = await tck(t, "--proxy", "nowhere");
  t.deepEqual(wrong, {
    code: 2,
    stdout: [],
    stderr: ['perdure-tck: --proxy takes HOST:PORT, not "nowhere"', "Try --help."],
  });
});
