// SPDX-License-Identifier: Apache-2.0

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import test from "ava";

import { systemRandom } from "../../../pkg/base/mod.ts";
import { explainStart } from "./explain.ts";
import { devSettings } from "./settings.ts";
import type { DevFlags } from "./settings.ts";

const folder = mkdtempSync(join(tmpdir(), "perdure-settings-"));
writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "@shop/cart" }));
writeFileSync(join(folder, "main.ts"), "");
test.after.always(() => rmSync(folder, { recursive: true }));

const settings = (flags: Partial<DevFlags> = {}, env: NodeJS.ProcessEnv = {}) =>
  devSettings({ dir: ".", command: [], watch: true, ...flags }, env, "/srv", folder, systemRandom);

test("by default callers on this machine reach port 9000 and state is kept under .perdure", async (t) => {
  const found = await settings();
  t.like(found.proxy, {
    httpHost: "127.0.0.1",
    httpPort: 9_000,
    adminHost: "127.0.0.1",
    adminPort: 9_010,
    log: "sqlite:/srv/.perdure/cart.db",
    userFunctionHost: "127.0.0.1",
    backoffMaxMs: 200,
    logLevel: "warn",
  });
  t.is(found.devLogPath, "/srv/.perdure/cart.db");
  t.is(found.publicHost, "127.0.0.1");
  t.is(found.functionAddress.port, found.proxy.userFunctionPort);
  t.true(found.functionAddress.port >= 20_000 && found.functionAddress.port < 32_768);
});

test("a flag goes before the environment, that before the default", async (t) => {
  const env = { HTTP_PORT: "9100", HTTP_HOST: "0.0.0.0", PERDURE_LOG: "memory:", PERDURE_LOG_LEVEL: "info" };
  const fromEnv = await settings({}, { ...env, USER_FUNCTION_PORT: "8080", PERDURE_BACKOFF_MAX_MS: "500" });
  t.like(fromEnv.proxy, { httpPort: 9_100, httpHost: "0.0.0.0", log: "memory:", logLevel: "info" });
  t.like(fromEnv.proxy, { userFunctionPort: 8_080, backoffMaxMs: 500 });
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
  t.like(fromFlags.proxy, {
    httpPort: 9_200,
    log: "sqlite:x.db",
    userFunctionPort: 8_081,
    logLevel: "debug",
  });
  t.is(fromFlags.publicHost, "[::1]");
});

test("the admin port follows the public one unless it is given", async (t) => {
  const adminPort = async (flags: Partial<DevFlags>, env = {}) =>
    (await settings(flags, env)).proxy.adminPort;
  t.is(await adminPort({ httpPort: "9100" }), 9_110);
  t.is(await adminPort({ httpPort: "0" }), 0);
  t.is(await adminPort({ httpPort: "65530" }), 0);
  t.is(await adminPort({ httpPort: "9100", adminPort: "7" }), 7);
  t.is(await adminPort({ httpPort: "9100" }, { ADMIN_PORT: "8" }), 8);
});

test("values that make no sense are refused by name", async (t) => {
  await t.throwsAsync(settings({ httpPort: "ninety" }), {
    code: "BAD_SETTING",
    message: /--http-port=ninety/,
  });
  await t.throwsAsync(settings({ userFunctionPort: "0" }), { message: /--user-function-port=0/ });
});

test("perdure dev inside perdure dev is refused", async (t) => {
  await t.throwsAsync(settings({}, { PERDURE_DEV: "1" }), {
    code: "BAD_USAGE",
    message: /another perdure dev/,
  });
});

test("why the proxy does not start is told with the flag that helps", (t) => {
  const ports = { httpPort: 9_000, adminPort: 9_010 };
  const error = (code: string) => Object.assign(new Error("it failed"), { code });
  t.regex(explainStart(error("ENDPOINT_PORT_IN_USE"), ports), /port 9000 is in use.*--http-port 9001/);
  t.regex(explainStart(error("ADMIN_PORT_IN_USE"), ports), /port 9010 is in use.*--admin-port 9011/);
  t.regex(explainStart(error("LOG_LOCKED"), ports), /it failed.*another perdure dev.*--log.*--http-port/);
  t.regex(explainStart(error("LOG_CORRUPT"), ports), /it failed.*--reset/);
  t.is(explainStart(error("ELSE"), ports), "it failed");
});
