// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";

import test from "ava";

import type { Setting } from "../settings/mod.ts";
import { SettingError } from "../settings/mod.ts";

import { proxyOptions } from "./options.ts";
import { PROXY_SETTING_GROUPS, PROXY_SETTINGS } from "./settings.ts";
import { PROXY_VERSION } from "./version.ts";

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
  const { corsOrigins } = proxyOptions({}, { PERDURE_CORS_ORIGINS: good });
  t.deepEqual(corsOrigins, ["https://shop.example", "http://localhost:3000"]);
  for (const bad of ["shop.example", "https://shop.example/", "null", "https://a,,https://b"]) {
    const refused = () => proxyOptions({ "cors-origins": bad }, {});
    t.throws(refused, {
      instanceOf: SettingError,
      message: /^--cors-origins must be \*, or up to 100 origins like .*, not "/,
    });
  }
});

test("proxies share their entities if their log can be shared, and who demands it of another log is refused", (t) => {
  t.is(proxyOptions({}, {}).cluster, "auto");
  for (const log of ["memory:", "sqlite:log.db"]) {
    const refused = () => proxyOptions({ cluster: "on", log }, {});
    const { message } = t.throws(refused, { instanceOf: SettingError });
    t.true(message.startsWith(`with --cluster on, --log must be on NATS, not ${log}, because `), message);
    t.notThrows(() => proxyOptions({ log }, { PERDURE_CLUSTER: "off" }));
  }
  t.notThrows(() => proxyOptions({ cluster: "on", log: "nats://a/shop" }, {}));
  t.notThrows(
    () => proxyOptions({ cluster: "on", log: "what is this" }, {}),
    "the log's start says it better",
  );
});

test("a secret that can be guessed is refused without being repeated", (t) => {
  for (const bad of ["hidden", "hidden hidden hidden hidden"]) {
    const refused = () => proxyOptions({}, { PERDURE_DRAIN_SECRET: bad });
    const { message } = t.throws(refused, { instanceOf: SettingError });
    t.is(message, "PERDURE_DRAIN_SECRET must be 16 to 256 printable characters of ASCII without blanks");
  }
});

test("no two settings share a flag or a variable, and every default is inside its own bounds", (t) => {
  const settings = Object.values<Setting>(PROXY_SETTINGS);
  t.is(new Set(settings.map(({ flag }) => flag)).size, settings.length);
  t.is(new Set(settings.map(({ env }) => env)).size, settings.length);
  const defaults = Object.fromEntries(
    settings.map(({ flag, form, default: value }) => [flag, form.write(value)]),
  );
  t.deepEqual(proxyOptions(defaults, {}), proxyOptions({}, {}));
});

test("each setting is in one group of the help, the usual ones first", (t) => {
  const grouped = PROXY_SETTING_GROUPS.flatMap(({ settings }) =>
    Object.values(settings).map(({ flag }) => flag),
  );
  const all = Object.values<Setting>(PROXY_SETTINGS).map(({ flag }) => flag);
  const none = all.filter((flag) => !grouped.includes(flag));
  t.deepEqual(none, [], `in no group: ${none.join(", ")}`);
  const twice = grouped.filter((flag, index) => grouped.indexOf(flag) !== index);
  t.deepEqual(twice, [], `in two groups: ${twice.join(", ")}`);
  const unknown = grouped.filter((flag) => !all.includes(flag));
  t.deepEqual(unknown, [], `in a group, but not in PROXY_SETTINGS: ${unknown.join(", ")}`);
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
