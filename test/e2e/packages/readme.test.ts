// SPDX-License-Identifier: Apache-2.0
//
// The first hour of a reader who has the repository and an empty folder. It follows the SDK's README word by word,
// from the packed archives to a service that answers, restarts on change and passes its own test, and then to its
// image. It runs once on the oldest Node that the SDK supports, and once on the one that comes with the repository.
// Packages are fetched from npm.

import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ExecutionContext } from "ava";
import test from "ava";

import { freePort, systemRandom } from "../../../pkg/base/mod.ts";

import { httpClient } from "../../lib/http-client.ts";
import { startProxyProcess } from "../../lib/processes.ts";
import { until } from "../../lib/until.ts";
import { followDockerfile } from "./lib/dockerfile.ts";
import { unpackImage } from "./lib/image-root.ts";
import { fetchNode, oldestNode, ownNodeFolder } from "./lib/node-versions.ts";
import type { Step } from "./lib/page.ts";
import { sectionOf, stepsOf } from "./lib/page.ts";
import type { Running } from "./lib/reader.ts";
import { Reader } from "./lib/reader.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const README = stepsOf(sectionOf(readFileSync(join(ROOT, "pkg/sdk/README.md"), "utf8"), "A shopping cart"));
const IMAGES = stepsOf(sectionOf(readFileSync(join(ROOT, "docs/image.md"), "utf8"), "Of your own function"));

const HOST = "127.0.0.1";
const PEN = { productId: "p1", name: "Pen", quantity: 2 };

/** What a page leaves running in its terminal. */
const STAYS = /npm run dev|npx perdure/;

/** The user that images run as. */
const NOBODY = 65_532;

const folder = mkdtempSync(join(tmpdir(), "perdure-node-"));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

const OLDEST = oldestNode();

test.serial(`the SDK's README, word by word, on Node ${OLDEST}, the oldest that it runs on`, async (t) => {
  await followEverything(t, await fetchNode(OLDEST, folder), `v${OLDEST}`);
});

test.serial("the SDK's README, word by word, on Node 24", async (t) => {
  await followEverything(t, ownNodeFolder, process.version);
});

async function followEverything(t: ExecutionContext, nodeFolder: string, version: string): Promise<void> {
  const port = await freePort(HOST, systemRandom);
  const reader = new Reader(t, nodeFolder, port);
  t.is((await reader.run("node --version")).trim(), version);
  await followReadme(t, reader);
  t.regex(await reader.run("node --test dist/cart.test.js"), /^# pass 2$|^ℹ pass 2$/m);
  await launch(t, reader, version);
  await makeImages(t, reader, port);
}

/** Follows the README step by step. A running program is ended when the next one is started. */
async function followReadme(t: ExecutionContext, reader: Reader): Promise<void> {
  let running: Running | undefined;
  for (const step of README) {
    if (step.kind === "file") reader.write(step.path, step.text);
    else if (STAYS.test(step.text)) running = await startAnew(reader, step.text, running);
    else await followCommands(t, reader, step.text, running);
  }
  // The last program that was started runs the compiled cart.
  t.true(existsSync(join(reader.folder, "dist", "main.js")));
  await addAndLook(t, running?.url ?? "");
  await running?.stop();
}

async function startAnew(reader: Reader, commands: string, before: Running | undefined): Promise<Running> {
  await before?.stop();
  return reader.start(commands);
}

async function followCommands(
  t: ExecutionContext,
  reader: Reader,
  commands: string,
  running: Running | undefined,
): Promise<void> {
  if (!commands.startsWith("curl")) {
    const said = await reader.run(commands);
    if (commands.startsWith("npm test")) t.regex(said, /^# pass 2$|^ℹ pass 2$/m);
    return;
  }
  const url = running?.url ?? "";
  const said = await reader.run(commands.replaceAll("localhost:9000", new URL(url).host));
  t.true(said.includes(JSON.stringify({ items: [PEN] })), said);
  await changeIt(t, reader, url);
}

/** Changes the text of a refusal, and checks that the new text is served and the state is kept. */
async function changeIt(t: ExecutionContext, reader: Reader, url: string): Promise<void> {
  const source = readFileSync(join(reader.folder, "cart.ts"), "utf8");
  const changed = source.replace("because it is not in the cart", "since nobody put it there");
  t.not(changed, source);
  reader.write("cart.ts", changed);
  const http = httpClient(Number(new URL(url).port));
  try {
    let last = "";
    const isNew = async (): Promise<boolean> => {
      last = (await http.call("/cart/ann/items/p2/remove", { method: "POST" })).body;
      return last.includes("since nobody put it there");
    };
    await until("the changed cart", isNew).catch((error: unknown) => t.fail(`${String(error)}: ${last}`));
    t.deepEqual(JSON.parse((await http.call("/carts/ann")).body), { items: [PEN] });
  } finally {
    http.close();
  }
}

/** The commands of the package by themselves, with and without the Node that comes with it. */
async function launch(t: ExecutionContext, reader: Reader, version: string): Promise<void> {
  const [packed] = /\d+\.\d+\.\d+/.exec(readFileSync(join(ROOT, "package.json"), "utf8")) ?? [];
  const commands = ["./node_modules/.bin/perdure --version", "./node_modules/.bin/perdure-proxy --version"];
  for (const command of commands) {
    t.deepEqual(await reader.attempt(command), { code: 0, said: `${packed}\n` });
  }
  const packaged = join(reader.folder, "node_modules", `node-linux-${process.arch}`);
  renameSync(packaged, `${packaged}.away`);
  for (const command of commands) {
    const { code, said } = await reader.attempt(command);
    const enough = Number(version.slice(1).split(".")[0]) >= 24;
    t.is(code, enough ? 0 : 1);
    if (!enough)
      t.regex(said, new RegExp(`^perdure: needs Node 24 or newer, found ${version}, .*Install Node 24`));
  }
  renameSync(`${packaged}.away`, packaged);
}

/** `docs/image.md`: with `npm run image`, and by the Dockerfile. */
async function makeImages(t: ExecutionContext, reader: Reader, port: number): Promise<void> {
  const isImage = (step: Step): boolean => step.kind === "commands" && step.text.startsWith("npm run image");
  const work = mkdtempSync(join(reader.home, "images-"));
  const made = await reader.run(`cd ${ROOT}\n${IMAGES.find(isImage)?.text ?? ""}`);
  const [, name, archive = ""] = /^(\S+) is in (\S+)$/m.exec(made) ?? [];
  t.is(name, "dev.local/cart");
  if (process.getuid?.() === 0) {
    const root = join(work, "image");
    const { config } = await unpackImage(archive, root);
    const env = Object.fromEntries(config.Env.map((each) => each.split("=") as [string, string]));
    await serves(t, port, "chroot", [`--userspec=${config.User}`, root, ...config.Entrypoint], { env });
  }

  const context = join(reader.home, "cart");
  await reader.run(`cd ${context}`);
  for (const step of IMAGES) if (step.kind === "file") reader.write(step.path, step.text);
  const node = join(ownNodeFolder, "node");
  const built = await followDockerfile(context, join(work, "docker"), node, async (command, at) => {
    mkdirSync(at, { recursive: true });
    await reader.run(`cd ${at}\n${command}`);
  });
  const [program = "", ...args] = built.entrypoint;
  t.false(existsSync(join(built.workingFolder, "node_modules", "typescript")));
  for (const parent of [reader.home, work]) chmodSync(parent, 0o755);
  const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  await serves(t, port, join(built.root, program), args, { cwd: built.workingFolder, ...user });
}

interface ProcessPlace {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
}

/** Starts a user function, puts a proxy in front of it, and uses it. */
async function serves(
  t: ExecutionContext,
  port: number,
  command: string,
  args: readonly string[],
  { env, ...place }: ProcessPlace,
): Promise<void> {
  const child = spawn(command, args, {
    ...place,
    // The search path is for finding chroot. The image names its own program by its full path.
    env: { ...env, PATH: "/usr/sbin:/usr/bin:/sbin:/bin", PORT: String(port) },
    stdio: ["ignore", "inherit", "inherit"],
  });
  t.teardown(() => void child.kill("SIGKILL"));
  const proxy = await startProxyProcess(t, { PERDURE_LOG: "memory:", USER_FUNCTION_PORT: port });
  await proxy.ready();
  await addAndLook(t, `http://${HOST}:${proxy.port}`);
  await proxy.kill("SIGTERM");
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  t.is(await exited, 0);
}

/** Adds an item to the cart of a user that no earlier step has used, and reads it. */
async function addAndLook(t: ExecutionContext, url: string): Promise<void> {
  const http = httpClient(Number(new URL(url).port));
  try {
    t.like(await http.call("/cart/bob/items/add", { body: PEN }), { status: 200, body: "{}" });
    t.deepEqual(JSON.parse((await http.call("/carts/bob")).body), { items: [PEN] });
  } finally {
    http.close();
  }
}
