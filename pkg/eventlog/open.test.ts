// SPDX-License-Identifier: Apache-2.0

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import test from "ava";

import { silentLogger, systemClock } from "../base/mod.ts";

import { EventLogError, NO_POSITION } from "./event-log.ts";
import type { EventLogAddress } from "./open.ts";
import { openEventLog, parseEventLogAddress } from "./open.ts";
import { shownAddress } from "./shown-address.ts";

const dependencies = { clock: systemClock, logger: silentLogger };

test("memory: opens a log in memory, with its own settings", async (t) => {
  const log = await openEventLog("memory:", { ...dependencies, memory: { maxMemoryLogBytes: 10 } });
  t.is(log.durability, "memory");
  await t.throwsAsync(log.append({ type: "t", id: "i" }, NO_POSITION, new Uint8Array(100)), {
    code: "LOG_FULL",
  });
  await log.close();
});

test("sqlite:PATH opens the log in that file, with its own settings", async (t) => {
  const folder = fs.mkdtempSync(join(tmpdir(), "perdure-log-"));
  t.teardown(() => fs.rmSync(folder, { recursive: true }));
  const path = join(folder, "deeper", "log.db");
  const log = await openEventLog(`sqlite:${path}`, { ...dependencies, sqlite: { maxRecordBytes: 10 } });
  t.is(log.durability, "fsync-one-node");
  t.true(fs.existsSync(path));
  await t.throwsAsync(log.append({ type: "t", id: "i" }, NO_POSITION, new Uint8Array(100)), {
    code: "RECORD_TOO_LARGE",
  });
  await log.close();
});

test("relative and absolute paths are taken as they stand", (t) => {
  for (const path of [
    ".perdure/log.db",
    "./log.db",
    "../x.db",
    "/var/lib/perdure/log.db",
    "a b:c?d#e.db",
    "./~/log.db",
  ]) {
    t.deepEqual(parseEventLogAddress(`sqlite:${path}`), { kind: "sqlite", path });
  }
  t.deepEqual(parseEventLogAddress("memory:"), { kind: "memory" });
});

test("any other address is refused with the forms that are known", (t) => {
  const wrong = [
    "",
    "memory",
    "memory:x",
    "sqlite",
    "sqlite:",
    "sqlite:///x",
    "sqlite::memory:",
    "sqlite:~/log.db",
  ];
  for (const address of [
    ...wrong,
    "sqlite:a\0b",
    "sqlite:folder/",
    "log.db",
    "SQLITE:x",
    "postgres://host",
  ]) {
    const refused = t.throws(() => parseEventLogAddress(address), { instanceOf: EventLogError });
    t.is(refused.code, "LOG_BAD_ADDRESS");
    t.regex(refused.message, /memory: .*sqlite:PATH/);
  }
});

test("a NATS address has a server, a port, a prefix and credentials; all but the server may be left out", (t) => {
  const plain: EventLogAddress = {
    kind: "nats",
    server: "localhost:4222",
    prefix: "perdure",
    isTls: false,
    credentials: { kind: "none" },
  };
  for (const address of ["nats://localhost", "nats://localhost:4222", "nats://localhost/"]) {
    t.deepEqual(parseEventLogAddress(address), plain);
  }
  t.like(parseEventLogAddress("nats://[::1]:4333/shop-1"), { server: "[::1]:4333", prefix: "shop-1" });
  t.like(parseEventLogAddress("nats://me:p%40ss@h"), {
    server: "h:4222",
    credentials: { kind: "password", user: "me", password: "p@ss" },
  });
  t.like(parseEventLogAddress("nats://tok@h"), { credentials: { kind: "token", token: "tok" } });
  t.like(parseEventLogAddress("tls://h/p"), { server: "h:4222", prefix: "p", isTls: true });
});

test("a NATS address may name several servers, with the scheme once or before each", (t) => {
  for (const address of [
    "nats://me:pw@a:4222,b:4333,[::1]/p",
    "nats://me:pw@a,nats://b:4333,nats://[::1]:4222/p",
  ]) {
    t.like(parseEventLogAddress(address), {
      server: "a:4222,b:4333,[::1]:4222",
      prefix: "p",
      credentials: { kind: "password", user: "me", password: "pw" },
    });
  }
});

test("an address that is shown has none of its secrets", (t) => {
  t.is(shownAddress("nats://me:p@ss@a:4222,b/p"), "nats://…@a:4222,b/p");
  t.is(shownAddress("tls://token@a"), "tls://…@a");
  for (const plain of ["memory:", "sqlite:/srv//me@home/log.db", "nats://a:4222/p"]) {
    t.is(shownAddress(plain), plain);
  }
});

test("credentials in the address and in a setting are refused: which of them would count?", async (t) => {
  const jetstream = { credentials: { kind: "creds", path: "/secret.creds" } } as const;
  const error = await t.throwsAsync(
    openEventLog("nats://me:hidden@127.0.0.1:1", { ...dependencies, jetstream }),
    {
      code: "LOG_BAD_ADDRESS",
      message: /in the address and in a setting/,
    },
  );
  t.notRegex(error?.message ?? "", /hidden/);
});

test("the client of NATS is loaded for a NATS address only", (t) => {
  t.deepEqual(loadedFor("memory:"), ["opened", 0]);
  const [outcome, count] = loadedFor("nats://127.0.0.1:1");
  t.is(outcome, "LOG_UNAVAILABLE");
  t.true(count > 0, "the check does not see what is loaded");
});

/** Opens a log in a separate process. Returns the outcome, and how many files of NATS's client that process loaded. */
function loadedFor(address: string): readonly [outcome: string, count: number] {
  const program = `
    const { openEventLog } = await import(process.argv[1]);
    const { silentLogger, systemClock } = await import(process.argv[2]);
    const dependencies = { clock: systemClock, logger: silentLogger };
    const outcome = await openEventLog(process.argv[3], dependencies).then(() => "opened", (error) => error.code);
    const loaded = Object.keys(process.getBuiltinModule("module")._cache).filter((path) => path.includes("@nats-io"));
    console.log(JSON.stringify([outcome, loaded.length]));`;
  const modules = ["mod.ts", "../base/mod.ts"].map((path) => new URL(path, import.meta.url).href);
  const args = ["--input-type=module", "--eval", program, ...modules, address];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as [string, number];
}

test("a NATS address that makes no sense is refused, and its password stands in no error", (t) => {
  const wrong = ["nats:", "nats://", "nats://me:hidden@h/a.b", "nats://h/a/b", "nats://h?x=1", "nats://h#x"];
  for (const address of [
    ...wrong,
    "nats://me:hidden@h:port",
    "nats://me:%ffhidden@h",
    "nats://a/b:hidden@h/c",
    "nats://a:4222,me:hidden@b:4222",
    "nats://:hidden@h",
    "nats://me:hid:den@h",
    "nats://me:hidden@a,,b",
    "tls://me:hidden@a b",
  ]) {
    const refused = t.throws(() => parseEventLogAddress(address), { instanceOf: EventLogError });
    t.is(refused.code, "LOG_BAD_ADDRESS");
    t.notRegex(refused.message, /hid/);
    t.regex(refused.message, /nats:\/\/HOST:PORT/);
  }
});
