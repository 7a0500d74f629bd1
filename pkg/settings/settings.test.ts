// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { withoutRepeats } from "./describe.ts";
import { httpUrl } from "./forms.ts";
import { defaultsOf, pickValues, resolveSettings } from "./resolve.ts";
import { boolean, choice, named, port, setting } from "./setting.ts";
import { SettingError } from "./setting-error.ts";

const DECLARATION = named({
  port: port(9_000, { env: "PORT", help: "The port." }),
  check: boolean(true, { env: "CHECK", help: "Whether to check." }),
  level: choice("info", ["info", "warn"], { env: "LEVEL", help: "How much." }),
  ask: setting("", httpUrl, { env: "ASK", help: "Who is asked." }),
});

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
    [{ PORT: "70000" }, /^PORT must be a whole number from 0 to 65535, not "70000"$/],
    [{ PORT: "-1" }, /whole number/],
    [{ PORT: "1.5" }, /whole number/],
    [{ PORT: "9e3" }, /whole number/],
    [{ PORT: "many" }, /whole number/],
    [{ CHECK: "yes" }, /^CHECK must be true or false, not "yes"$/],
    [{ LEVEL: "loud" }, /^LEVEL must be info or warn, not "loud"$/],
    [{ ASK: "127.0.0.1:1" }, /^ASK must be a URL that begins with http:\/\/, not "127.0.0.1:1"$/],
    [{ ASK: "https://a" }, /must be a URL/],
  ];
  for (const [env, message] of wrong)
    t.throws(() => resolveSettings(DECLARATION, {}, env), { instanceOf: SettingError, message });
  t.throws(() => resolveSettings(DECLARATION, { port: "x" }, {}), {
    message: /^--port must be .*, not "x"$/,
  });
});

test("a layer has its defaults and its own values from its declaration", (t) => {
  const defaults = defaultsOf(DECLARATION);
  t.deepEqual(defaults, { port: 9_000, check: true, level: "info", ask: "" });
  t.deepEqual(pickValues({ port: DECLARATION.port }, { ...defaults, port: 1 }), { port: 1 });
});

test("a setting is in the first group that has it, and not in another", (t) => {
  const { port, check } = DECLARATION;
  const groups = withoutRepeats([
    { title: "Usual", settings: { port } },
    { title: "All", settings: { port, check } },
  ]);
  t.deepEqual(groups, [
    { title: "Usual", settings: { port } },
    { title: "All", settings: { check } },
  ]);
});

test("two settings with one flag are found out, because one would silently have the other's value", (t) => {
  const { port } = DECLARATION;
  const groups = [
    { title: "One", settings: { port } },
    { title: "Other", settings: { port: { ...port, default: 1 } } },
  ];
  t.throws(() => withoutRepeats(groups), { message: /--port is one setting/ });
});
