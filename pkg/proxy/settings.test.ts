// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";

import test from "ava";

import { boolean, httpUrl, number, resolveSettings, SettingError, text } from "../base/mod.ts";

import { PROXY_SETTING_GROUPS, PROXY_SETTINGS, proxyOptions } from "./options.ts";
import { PROXY_VERSION } from "./version.ts";

const DECLARATION = {
  port: number("port", "PORT", 9_000, "port", [0, 65_535], "The port."),
  check: boolean("check", "CHECK", true, "Whether to check."),
  level: text("level", "LEVEL", "info", "How much.", ["info", "warn"]),
  ask: httpUrl("ask", "ASK", "", "Who is asked."),
} as const;

test("a flag is stronger than the environment, that is stronger than the default", (t) => {
  t.deepEqual(resolveSettings(DECLARATION, {}, {}), { port: 9_000, check: true, level: "info", ask: "" });
  const env = { PORT: "1", CHECK: "false", LEVEL: "warn", ASK: "http://127.0.0.1:1/x" };
  const fromEnv = { port: 1, check: false, level: "warn", ask: "http://127.0.0.1:1/x" };
  t.deepEqual(resolveSettings(DECLARATION, {}, env), fromEnv);
  t.deepEqual(resolveSettings(DECLARATION, { port: "2" }, env), { ...fromEnv, port: 2 });
});

test("an empty variable is one that is not set", (t) => {
  t.is(resolveSettings(DECLARATION, {}, { PORT: "" }).port, 9_000);
});

test("a value that makes no sense is refused with its name and what would make sense", (t) => {
  const wrong: readonly (readonly [Record<string, string>, RegExp])[] = [
    [{ PORT: "70000" }, /^PORT=70000: must be a whole number from 0 to 65535 \(port\)$/],
    [{ PORT: "-1" }, /whole number/],
    [{ PORT: "1.5" }, /whole number/],
    [{ PORT: "9e3" }, /whole number/],
    [{ PORT: "many" }, /whole number/],
    [{ CHECK: "yes" }, /^CHECK=yes: is either true or false$/],
    [{ LEVEL: "loud" }, /^LEVEL=loud: must be one of info, warn$/],
    [{ ASK: "127.0.0.1:1" }, /^ASK=127.0.0.1:1: must be a URL that begins with http:\/\/$/],
    [{ ASK: "https://a" }, /must be a URL/],
  ];
  for (const [env, message] of wrong)
    t.throws(() => resolveSettings(DECLARATION, {}, env), { instanceOf: SettingError, message });
  t.throws(() => resolveSettings(DECLARATION, { port: "x" }, {}), { message: /^--port=x: / });
});

test("Cloudstate's variables are honoured", (t) => {
  const env = { HTTP_PORT: "1", USER_FUNCTION_HOST: "h", USER_FUNCTION_PORT: "2" };
  t.like(proxyOptions({}, env), { httpPort: 1, userFunctionHost: "h", userFunctionPort: 2 });
  t.like(proxyOptions({}, {}), {
    httpPort: 9_000,
    adminPort: 9_010,
    userFunctionHost: "127.0.0.1",
    userFunctionPort: 8_080,
  });
});

test("origins that are none are refused", (t) => {
  const good = "https://shop.example, http://localhost:3000";
  t.is(proxyOptions({}, { PERDURE_CORS_ORIGINS: good }).corsOrigins, good);
  for (const bad of ["shop.example", "https://shop.example/", "null", "https://a,,https://b"]) {
    const refused = () => proxyOptions({ "cors-origins": bad }, {});
    t.throws(refused, {
      instanceOf: SettingError,
      message: /^--cors-origins=.*: is `\*`, or a list of origins/,
    });
  }
});

test("no two settings share a flag or a variable, and every default is inside its own bounds", (t) => {
  const settings = Object.values(PROXY_SETTINGS);
  t.is(new Set(settings.map(({ flag }) => flag)).size, settings.length);
  t.is(new Set(settings.map(({ env }) => env)).size, settings.length);
  const defaults = Object.fromEntries(settings.map((setting) => [setting.flag, String(setting.default)]));
  t.deepEqual(proxyOptions(defaults, {}), proxyOptions({}, {}));
});

test("each setting is in one group of the help, the usual ones first", (t) => {
  const grouped = PROXY_SETTING_GROUPS.flatMap(({ settings }) =>
    Object.values(settings).map(({ flag }) => flag),
  );
  t.deepEqual(
    grouped.toSorted(),
    Object.values(PROXY_SETTINGS)
      .map(({ flag }) => flag)
      .toSorted(),
  );
  const [usual] = PROXY_SETTING_GROUPS;
  t.is(usual?.title, "Usual settings");
  for (const flag of ["http-port", "user-function-port", "log", "log-level"])
    t.true(
      Object.values(usual?.settings ?? {}).some((setting) => setting.flag === flag),
      flag,
    );
});

test("the version is the package's", (t) => {
  const file = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  t.is(PROXY_VERSION, (JSON.parse(file) as { version: string }).version);
});
