// SPDX-License-Identifier: Apache-2.0

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";

import test from "ava";
import { transformSync } from "esbuild";

const COMMAND = dirname(import.meta.dirname);
const MAIN = join(COMMAND, "main.ts");

/** Nodes of this machine that are too old for the sources. */
function oldNodes(): string[] {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/bin", "/usr/local/bin"];
  const nodes = new Set(folders.map((folder) => join(folder, "node")).filter((path) => existsSync(path)));
  return [...nodes].filter((path) => {
    const version = execFileSync(path, ["--version"], { encoding: "utf8" });
    return Number.parseInt(version.slice(1), 10) < 24;
  });
}

const old = oldNodes();

(old.length === 0 ? test.skip : test)("an old Node says what to do, and nothing else", (t) => {
  for (const node of old) {
    const { status, stdout, stderr } = spawnSync(node, [MAIN, "dev"], { encoding: "utf8" });
    t.is(status, 1, stderr);
    t.is(stdout, "");
    t.regex(
      stderr,
      /^perdure: its sources need Node 24 or newer, and this is Node [\d.]+\. `npm start` .*\n$/,
    );
  }
});

test("what an old Node has to read is JavaScript that it knows, in a scope where it reads it", (t) => {
  const source = readFileSync(MAIN, "utf8");
  const { warnings } = transformSync(source, { loader: "js", target: "node18", format: "cjs" });
  t.deepEqual(warnings, []);
  t.like(JSON.parse(readFileSync(join(COMMAND, "package.json"), "utf8")), { type: "commonjs" });
});

test("every folder beside it holds modules", (t) => {
  for (const { name } of readdirSync(COMMAND, { withFileTypes: true }).filter((entry) => entry.isDirectory()))
    t.like(JSON.parse(readFileSync(join(COMMAND, name, "package.json"), "utf8")), { type: "module" }, name);
});
