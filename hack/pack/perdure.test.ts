// SPDX-License-Identifier: Apache-2.0
//
// The package as npm unpacks it, beside the Node that it depends on. The whole of it is tested by test/e2e/packages.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import test from "ava";

import { PROXY_VERSION } from "../../pkg/proxy/mod.ts";

import { until } from "../../test/lib/until.ts";
import { packFolder } from "./pack.ts";
import { buildPerdure } from "./perdure.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const NODE = `node-linux-${process.arch}`;

const folder = mkdtempSync(join(tmpdir(), "perdure-pack-"));
const modules = join(folder, "node_modules");
const bin = join(modules, ".bin");
test.after.always(() => rmSync(folder, { recursive: true }));

test.before(async () => {
  const built = join(folder, "built");
  await buildPerdure(built);
  const unpacked = join(modules, "perdure");
  mkdirSync(unpacked, { recursive: true });
  const archive = packFolder(built, folder);
  execFileSync("tar", ["-xzf", archive, "-C", unpacked, "--strip-components=1"]);
  mkdirSync(bin);
  for (const name of ["perdure", "perdure-proxy"]) symlinkSync(`../perdure/bin/${name}`, join(bin, name));
  symlinkSync(join(ROOT, "node_modules", NODE), join(modules, NODE));
});

// Skipped where the package brings no Node, because it then needs the Node on the search path.
const packagedTest = existsSync(join(ROOT, "node_modules", NODE)) ? test : test.skip;

packagedTest("its commands run from anywhere, through links, whatever Node is on the search path", (t) => {
  const env = { PATH: "/usr/bin:/bin" };
  for (const name of ["perdure", "perdure-proxy"]) {
    const said = execFileSync(join(bin, name), ["--version"], { cwd: "/", env, encoding: "utf8" });
    t.is(said, `${PROXY_VERSION}\n`);
  }
});

packagedTest("a command becomes its program: it has its process id, and takes its signals", async (t) => {
  const env = {
    PATH: "/usr/bin:/bin",
    HTTP_HOST: "127.0.0.1",
    ADMIN_HOST: "127.0.0.1",
    HTTP_PORT: "0",
    ADMIN_PORT: "0",
    PERDURE_LOG: "memory:",
  };
  const proxy = spawn(join(bin, "perdure-proxy"), [], {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.teardown(() => void proxy.kill("SIGKILL"));
  let said = "";
  proxy.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await until("listening", () => said.includes('"listening"'));
  t.regex(readFileSync(`/proc/${proxy.pid}/cmdline`, "utf8"), /bin\/node\0.*dist\/perdure-proxy\.mjs\0$/);
  const exited = once(proxy, "exit");
  proxy.kill("SIGTERM");
  t.deepEqual(await exited, [0, null]);
});

test("it is what npm installs on any Node from 20 on, with the licences of all that is in it", (t) => {
  const unpacked = join(modules, "perdure");
  t.like(JSON.parse(readFileSync(join(unpacked, "package.json"), "utf8")), {
    name: "perdure",
    version: PROXY_VERSION,
    engines: { node: ">=20" },
    bin: { perdure: "bin/perdure", "perdure-proxy": "bin/perdure-proxy" },
  });
  for (const name of ["perdure", "perdure-proxy"]) {
    t.true(existsSync(join(unpacked, "dist", name, "writer-worker.mjs")));
    t.regex(readFileSync(join(unpacked, "dist", name, "LICENSES.txt"), "utf8"), /^commander \S+ - MIT$/m);
    t.false(existsSync(join(unpacked, "dist", name, "main.mjs.map")));
  }
});
