// SPDX-License-Identifier: Apache-2.0

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import test from "ava";

import { systemRandom } from "../../../pkg/base/mod.ts";

import { explainStart as explain } from "./explain.ts";
import type { RunNote } from "./run-note.ts";
import type { DevFlags } from "./settings.ts";
import { devSettings } from "./settings.ts";

const folder = mkdtempSync(join(tmpdir(), "perdure-settings-"));
writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "@shop/cart" }));
writeFileSync(join(folder, "main.ts"), "");
test.after.always(() => rmSync(folder, { recursive: true }));

const settings = (flags: Partial<DevFlags> = {}, env: NodeJS.ProcessEnv = {}) =>
  devSettings(
    { dir: ".", command: [], watch: true, types: true, ...flags },
    env,
    "/srv",
    folder,
    systemRandom,
  );

test("by default callers on this machine alone are served, and state is kept in the function's folder", async (t) => {
  const found = await settings();
  // Some other program of this machine may have 9000.
  t.true(found.pods[0].proxy.httpPort >= 9_000 && found.pods[0].proxy.httpPort < 9_100);
  t.like(found.pods[0].proxy, {
    httpHost: "127.0.0.1",
    adminHost: "127.0.0.1",
    log: `sqlite:${folder}/.perdure/cart.db`,
    userFunctionHost: "127.0.0.1",
    backoffMaxMs: 200,
    logLevel: "warn",
    logDurability: "relaxed",
  });
  t.is(found.devLogPath, join(folder, ".perdure/cart.db"));
  t.is(found.publicHost, "127.0.0.1");
  t.is(found.pods[0].functionAddress.port, found.pods[0].proxy.userFunctionPort);
  t.true(found.pods[0].functionAddress.port >= 20_000 && found.pods[0].functionAddress.port < 32_768);
});

test("a flag goes before the environment, that before the default", async (t) => {
  const env = { HTTP_PORT: "9100", HTTP_HOST: "0.0.0.0", PERDURE_LOG: "memory:", PERDURE_LOG_LEVEL: "info" };
  const fromEnv = await settings(
    {},
    {
      ...env,
      USER_FUNCTION_PORT: "8080",
      PERDURE_BACKOFF_MAX_MS: "500",
      PERDURE_LOG_DURABILITY: "strict",
    },
  );
  t.like(fromEnv.pods[0].proxy, { httpPort: 9_100, httpHost: "0.0.0.0", log: "memory:", logLevel: "info" });
  t.like(fromEnv.pods[0].proxy, { userFunctionPort: 8_080, backoffMaxMs: 500, logDurability: "strict" });
  t.is(fromEnv.publicHost, "127.0.0.1");
  t.is(fromEnv.devLogPath, undefined);

  const flags = {
    httpPort: "9200",
    httpHost: "::1",
    log: "sqlite:x.db",
    userFunctionPort: "8081",
    verbose: true,
  };
  const fromFlags = await settings(flags, env);
  t.like(fromFlags.pods[0].proxy, {
    httpPort: 9_200,
    log: "sqlite:x.db",
    userFunctionPort: 8_081,
    logLevel: "debug",
  });
  t.is(fromFlags.publicHost, "[::1]");
});

test("the admin port follows the public one unless it is given", async (t) => {
  const adminPort = async (flags: Partial<DevFlags>, env = {}) =>
    (await settings(flags, env)).pods[0].proxy.adminPort;
  t.true([9_110, 0].includes(await adminPort({ httpPort: "9100" })));
  t.is(await adminPort({ httpPort: "0" }), 0);
  t.is(await adminPort({ httpPort: "65530" }), 0);
  t.is(await adminPort({ httpPort: "9100", adminPort: "7" }), 7);
  t.is(await adminPort({ httpPort: "9100" }, { ADMIN_PORT: "8" }), 8);
});

test("values that make no sense are refused by name", async (t) => {
  await t.throwsAsync(settings({ httpPort: "ninety" }), {
    code: "BAD_SETTING",
    message: /^--http-port must be .*, not "ninety"$/,
  });
  await t.throwsAsync(settings({ userFunctionPort: "0" }), {
    message: /^--user-function-port must be .*, not "0"$/,
  });
});

test("several proxies share a log on NATS, each with a name, ports and a function of its own", async (t) => {
  const flags = { log: "nats://localhost/shop", proxies: "3" };
  const { pods, devLogPath } = await settings(flags, { POD_NAME: "elsewhere", PERDURE_CLUSTER: "off" });
  t.is(devLogPath, undefined);
  t.deepEqual(
    pods.map(({ name }) => name),
    ["dev-1", "dev-2", "dev-3"],
  );
  for (const { name, proxy, functionAddress } of pods) {
    t.like(proxy, { podName: name, cluster: "auto", logDurability: "relaxed" });
    t.is(functionAddress.port, proxy.userFunctionPort);
  }
  const ports = pods.flatMap(({ proxy }) => [proxy.httpPort, proxy.adminPort, proxy.userFunctionPort]);
  const known = ports.filter((port) => port !== 0);
  t.is(new Set(known).size, known.length);
  const chosen = await settings(flags, { PERDURE_LOG_DURABILITY: "strict", PERDURE_LOG: "nats://localhost" });
  t.true(chosen.pods.every(({ proxy }) => proxy.logDurability === "strict"));
});

test("one proxy has no name of ours, and its developer may have it alone", async (t) => {
  const env = { POD_NAME: "own", PERDURE_CLUSTER: "off" };
  const { pods } = await settings({ log: "nats://localhost", proxies: "1" }, env);
  t.is(pods.length, 1);
  t.is(pods[0].name, undefined);
  t.like(pods[0].proxy, { cluster: "off", podName: "own" });
});

test("several proxies need a log that they can share, and a number that makes sense", async (t) => {
  for (const log of [undefined, "memory:", "sqlite:x.db"]) {
    await t.throwsAsync(settings({ proxies: "2", ...(log !== undefined && { log }) }), {
      code: "BAD_USAGE",
      message: /^--proxies 2 needs a log that .* \(npm run nats.* --log nats:\/\/localhost$/,
    });
  }
  for (const proxies of ["0", "10", "1.5", "two", "", "-1"]) {
    await t.throwsAsync(settings({ proxies, log: "nats://localhost" }), {
      code: "BAD_USAGE",
      message: `--proxies must be a whole number from 1 to 9, not "${proxies}"`,
    });
  }
});

test("perdure dev inside perdure dev is refused", async (t) => {
  await t.throwsAsync(settings({}, { PERDURE_DEV: "1" }), {
    code: "BAD_USAGE",
    message: /another perdure dev/,
  });
});

test("state of before is pointed at, as long as there is none in the function's folder", async (t) => {
  const cwd = mkdtempSync(join(tmpdir(), "perdure-cwd-"));
  const own = mkdtempSync(join(tmpdir(), "perdure-own-"));
  t.teardown(() => [cwd, own].forEach((each) => rmSync(each, { recursive: true })));
  writeFileSync(join(own, "package.json"), JSON.stringify({ name: "cart" }));
  writeFileSync(join(own, "main.ts"), "");
  const remarks = async () => {
    const flags = { dir: ".", command: [], watch: true, types: true, httpPort: "0" };
    return (await devSettings(flags, {}, cwd, own, systemRandom)).remarks;
  };
  t.deepEqual(await remarks(), []);
  for (const each of [cwd, own]) mkdirSync(join(each, ".perdure"));
  writeFileSync(join(cwd, ".perdure/cart.db"), "");
  const [remark, ...others] = await remarks();
  t.regex(remark ?? "", /state now lies in \S+\.perdure\/cart\.db.* in \.perdure\/cart\.db/);
  t.deepEqual(others, []);
  writeFileSync(join(own, ".perdure/cart.db"), "");
  t.deepEqual(await remarks(), []);
});

test("why the proxy does not start is told with the flag that helps", (t) => {
  const ports = { httpPort: 9_000, adminPort: 9_010 };
  const explainStart = (thrown: unknown, asked: typeof ports, other?: RunNote) =>
    explain(thrown, { ...asked, name: "cart", other });
  const error = (code: string) => Object.assign(new Error("it failed"), { code });
  t.regex(explainStart(error("ENDPOINT_PORT_IN_USE"), ports), /port 9000 is in use.*--http-port 9001/);
  t.regex(explainStart(error("ADMIN_PORT_IN_USE"), ports), /port 9010 is in use.*--admin-port 9011/);
  t.regex(explainStart(error("LOG_LOCKED"), ports), /it failed.*another perdure dev.*--log sqlite:PATH/);
  const other = { pid: 4_711, url: "http://127.0.0.1:9000" };
  t.regex(
    explainStart(error("LOG_LOCKED"), ports, other),
    /^cart runs already, on http:\/\/127\.0\.0\.1:9000 \(process 4711\).*--log sqlite:PATH/,
  );
  t.regex(explainStart(error("LOG_CORRUPT"), ports), /it failed.*--reset/);
  t.is(explainStart(error("ELSE"), ports), "it failed");
});
