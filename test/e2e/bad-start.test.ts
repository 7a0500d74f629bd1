// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import type { ExecutionContext } from "ava";
import test from "ava";

import { Semaphore, systemClock } from "../../pkg/base/mod.ts";
import { openEventLog } from "../../pkg/eventlog/mod.ts";
import { NO_TELEMETRY } from "../../pkg/telemetry/mod.ts";

import { PROXY, startProcess, temporaryFolder } from "../lib/processes.ts";

/** Two processes at a time: more would only wait for each other. */
const turns = new Semaphore(2);

interface Start {
  readonly env?: Readonly<Record<string, string | number>>;
  readonly args?: readonly string[];
}

/** Starts a proxy that cannot start. It must end with this code and give the reason in a text without stack frames. */
async function refuses(
  t: ExecutionContext,
  { env, args = [] }: Start,
  code: number,
  text: RegExp,
): Promise<void> {
  const local = { HTTP_HOST: "127.0.0.1", ADMIN_HOST: "127.0.0.1", HTTP_PORT: 0, ADMIN_PORT: 0 };
  await turns.acquire();
  const proxy = startProcess(t, PROXY, { ...local, PERDURE_LOG: "memory:", ...env }, args);
  const exit = await proxy.exited.finally(() => turns.release());
  const said = proxy.stderr.join("\n");
  t.regex(said, text);
  t.notRegex(said, /^\s*at /m);
  t.deepEqual(exit, { code, signal: null });
  t.false(proxy.stdout.some((line) => line.includes('"listening"')));
}

for (const [title, start, text] of [
  [
    "a variable that makes no sense",
    { env: { HTTP_PORT: "http" } },
    /^perdure: HTTP_PORT must be a whole number from 0 to 65535, not "http"/,
  ],
  [
    "a flag that makes no sense",
    { args: ["--protocol-check", "maybe"] },
    /^perdure: --protocol-check must be true or false, not "maybe"/,
  ],
  ["a flag that is unknown", { args: ["--colour", "red"] }, /unknown option '--colour'/],
  ["an argument that is no flag", { args: ["start"] }, /too many arguments/],
] satisfies (readonly [string, Start, RegExp])[]) {
  test(`wrong usage: ${title}`, (t) => refuses(t, start, 2, text));
}

for (const [title, address, text] of [
  [
    "of an unknown kind",
    "redis://localhost",
    /^perdure: "redis:\/\/localhost" is not the address of a log: .* Known are: sqlite:PATH /,
  ],
  ["without a path", "sqlite:", /^perdure: "sqlite:" is not the address of a log: the path is missing/],
] as const) {
  test(`a log address ${title}`, (t) => refuses(t, { env: { PERDURE_LOG: address } }, 2, text));
}

for (const variable of ["HTTP_PORT", "ADMIN_PORT"]) {
  test(`a port in use: ${variable}`, async (t) => {
    const other = createServer().listen({ host: "127.0.0.1", port: 0 });
    t.teardown(() => void other.close());
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const text = new RegExp(`^perdure: .*\\b${port} is in use.*${variable}`);
    await refuses(t, { env: { [variable]: port } }, 1, text);
  });
}

/** Checks that the proxy refuses a log file that it cannot use, and changes no byte of it. */
async function leavesAlone(t: ExecutionContext, path: string, text: RegExp): Promise<void> {
  const before = readFileSync(path);
  await refuses(t, { env: { PERDURE_LOG: `sqlite:${path}` } }, 1, text);
  t.true(readFileSync(path).equals(before));
}

/** The path of a log with one record. */
async function written(t: ExecutionContext): Promise<string> {
  const path = join(temporaryFolder(t), "log.db");
  const log = await openEventLog(`sqlite:${path}`, { clock: systemClock, telemetry: NO_TELEMETRY });
  await log.append({ type: "a", id: "b" }, 0, Buffer.alloc(100));
  await log.close();
  return path;
}

test("a log file that is no log", async (t) => {
  const path = join(temporaryFolder(t), "notes.txt");
  writeFileSync(path, "Dear diary, ".repeat(100));
  await leavesAlone(t, path, /^perdure: .*notes.txt: this is not a log of Perdure/);
});

test("a log file of another program", async (t) => {
  const path = join(temporaryFolder(t), "other.db");
  const database = new DatabaseSync(path);
  database.exec("CREATE TABLE theirs (a INTEGER)");
  database.close();
  await leavesAlone(t, path, /^perdure: .*other.db: .*belongs to another program/);
});

test("a log file that is damaged inside", async (t) => {
  const path = await written(t);
  const bytes = readFileSync(path);
  bytes.fill(0xa5, 4_096);
  writeFileSync(path, bytes);
  await leavesAlone(t, path, /^perdure: .*log.db: .*damaged/);
});

test("a log file of a newer Perdure", async (t) => {
  const path = await written(t);
  const database = new DatabaseSync(path);
  database.exec("PRAGMA user_version = 99");
  database.close();
  await leavesAlone(t, path, /^perdure: .*log.db: written by a newer Perdure \(format 99/);
});

test("a log file that another process has open", async (t) => {
  const path = await written(t);
  const log = await openEventLog(`sqlite:${path}`, { clock: systemClock, telemetry: NO_TELEMETRY });
  t.teardown(() => log.close());
  const text = new RegExp(`^perdure: .*log.db: process ${process.pid} has this log open`);
  await refuses(t, { env: { PERDURE_LOG: `sqlite:${path}` } }, 1, text);
});

test("a folder where the log file should be, and a file where its folder should be", async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, "log.db"));
  writeFileSync(join(folder, "file"), "");
  await refuses(t, { env: { PERDURE_LOG: `sqlite:${join(folder, "log.db")}` } }, 1, /^perdure: .*log.db/);
  await refuses(
    t,
    { env: { PERDURE_LOG: `sqlite:${join(folder, "file", "log.db")}` } },
    1,
    /^perdure: .*file/,
  );
});
