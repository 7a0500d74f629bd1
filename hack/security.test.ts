// SPDX-License-Identifier: Apache-2.0

import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

import test from "ava";

import { PROXY_SETTINGS } from "../pkg/proxy/mod.ts";
import type { Setting } from "../pkg/settings/mod.ts";
import { PREFIX, settingsOf, WEBHOOK_SETTINGS } from "../pkg/webhook/mod.ts";

const ROOT = join(import.meta.dirname, "..");
const DOCS = join(ROOT, "docs");
const PAGE = read("docs/security.md");
const NAMES = codeIn(PAGE);
const BLANK = /\s+/;

/** The last cell of each row of the tables with threats: the tests and the attacks that show what the row says. */
const PROOFS = [...PAGE.matchAll(/^\|.*\| shown by \|\n\|[-|]+\|\n((?:\|.*\n)+)/gm)].flatMap(
  ([, rows = ""]) =>
    rows
      .trimEnd()
      .split("\n")
      .map((row) => row.split("|").at(-2) ?? ""),
);

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** What stands between backticks, outside of blocks of code. */
function codeIn(text: string): string[] {
  return [...text.replaceAll(/^```[\s\S]*?^```$/gm, "").matchAll(/`([^`\n]+)`/g)].map(
    ([, code = ""]) => code,
  );
}

function flagsOf(settings: Readonly<Record<string, Setting>>): string[] {
  return Object.values(settings).map(({ flag }) => `--${flag}`);
}

test("every row of docs/security.md names what shows it, and that is there", (t) => {
  t.true(PROOFS.length > 30, "the tables were not found");
  for (const proof of PROOFS) {
    const names = codeIn(proof);
    t.true(names.length > 0, `nothing shows a row: ${proof}`);
    for (const name of names) {
      const found = name.includes("/")
        ? existsSync(join(ROOT, name)) && name.endsWith(".test.ts")
        : globSync(`test/attack/**/${name}.ts`, { cwd: ROOT }).length > 0;
      t.true(found, `there is no test or attack ${name}`);
    }
  }
});

test("docs/security.md names every attack", (t) => {
  const attacks = globSync("test/attack/attacks/*.ts", { cwd: ROOT }).filter((path) =>
    read(path).includes("export const attack"),
  );
  t.true(attacks.length > 10, "the attacks were not found");
  const named = new Set(PROOFS.flatMap(codeIn));
  t.deepEqual(
    attacks.map((path) => basename(path, ".ts")).filter((name) => !named.has(name)),
    [],
  );
});

test("files that docs/security.md names are there", (t) => {
  for (const name of NAMES.filter((each) => /^(?:cmd|config|docs|hack|pkg|test)\/\S+$/.test(each)))
    t.true(existsSync(join(ROOT, name)), name);
});

test("settings that docs/security.md names are there", (t) => {
  const flags = new Set([...flagsOf(PROXY_SETTINGS), ...flagsOf(WEBHOOK_SETTINGS)]);
  const named = NAMES.filter((name) => name.startsWith("--")).map((name) => name.split(BLANK, 1)[0] ?? "");
  t.true(named.length > 20, "the settings were not found");
  t.deepEqual(
    named.filter((name) => !flags.has(name)),
    [],
  );
  const annotations = new Set(settingsOf("annotation").map(([, { key }]) => `${PREFIX}${key}`));
  t.deepEqual(
    NAMES.filter((name) => name.startsWith(PREFIX) && !annotations.has(name)),
    [],
  );
});

test("codes that docs/security.md names are explained in docs/errors.md", (t) => {
  const errors = readFileSync(join(DOCS, "errors.md"), "utf8");
  const explained = new Set([...errors.matchAll(/^\| (`[A-Z_`, ]+`) \|/gm)].flatMap(([row]) => codeIn(row)));
  const named = NAMES.filter((name) => /^[A-Z]+(?:_[A-Z]+)+$/.test(name));
  t.true(named.length > 10, "the codes were not found");
  t.deepEqual(
    named.filter((name) => !explained.has(name)),
    [],
  );
});

test("the section about memory starts from the defaults", (t) => {
  const rows = [...PAGE.matchAll(/^\| `--([a-z-]+)` \| ([\d,]+) \|/gm)];
  t.true(rows.length >= 4, "the table was not found");
  for (const [, flag, value = ""] of rows) {
    const setting = Object.values<Setting>(PROXY_SETTINGS).find((each) => each.flag === flag);
    t.is(value.replaceAll(",", ""), String(setting?.default), flag);
  }
});
