// SPDX-License-Identifier: Apache-2.0

import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import type { ExecutionContext } from "ava";
import test from "ava";

import { temporaryFolder } from "../../test/lib/processes.ts";

const run = promisify(execFile);
const MODULE = JSON.stringify(join(import.meta.dirname, "nats-server.ts"));

/** The lines that are printed on a machine that has only these programs, which are shell scripts. */
async function saidWith(
  t: ExecutionContext,
  programs: Readonly<Record<string, string>>,
  progressMs = 60_000,
): Promise<string[]> {
  const folder = temporaryFolder(t);
  const path = join(folder, "bin");
  mkdirSync(path);
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(path, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(path, name), 0o755);
  }
  const env = { PATH: path, XDG_CACHE_HOME: join(folder, "cache"), NODE_NO_WARNINGS: "1" };
  const code = `import { prepareNatsServer } from ${MODULE};
    await prepareNatsServer((text) => console.log(text), ${progressMs});`;
  const { stdout } = await run(process.execPath, ["--input-type=module-typescript", "--eval", code], { env });
  return stdout.trim().split("\n");
}

test("a nats-server that is there takes one line; one that has to be built is not silent", async (t) => {
  const there = await saidWith(t, { "nats-server": "echo nats-server: v2.12.0" });
  t.is(there.length, 1);
  t.regex(there[0] ?? "", /^ready +\d/);
  const go = '[ "$1" = version ] && exit 0; /bin/sleep 0.5; echo program > "$GOBIN/nats-server"';
  const built = await saidWith(t, { go }, 100);
  t.true(built.length >= 3, built.join("\n"));
  t.regex(built[0] ?? "", /^being built or downloaded, once for this machine: \d+ s$/);
  t.regex(built.at(-1) ?? "", /^ready +\d/);
});

test("without any, the line says that tests are skipped and what to install", async (t) => {
  const said = await saidWith(t, {});
  t.regex(said.join("\n"), /^none, so its tests are skipped: install nats-server 2\.12\.0 or newer, or Go/);
});
