// SPDX-License-Identifier: Apache-2.0

import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import test from "ava";

import { silentLogger, systemClock } from "../base/mod.ts";
import { EventLogError, NO_POSITION } from "./event-log.ts";
import { openEventLog, parseEventLogAddress } from "./open.ts";
import type { EventLogAddress } from "./open.ts";

const deps = { clock: systemClock, logger: silentLogger };

test("memory: opens a log in memory, with its own settings", async (t) => {
  const log = await openEventLog("memory:", { ...deps, memory: { maxBytes: 10 } });
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
  const log = await openEventLog(`sqlite:${path}`, { ...deps, sqlite: { maxRecordBytes: 10 } });
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
});

test("a NATS address that makes no sense is refused, and its password stands in no error", (t) => {
  const wrong = ["nats:", "nats://", "nats://me:hidden@h/a.b", "nats://h/a/b", "nats://h?x=1", "nats://h#x"];
  for (const address of [
    ...wrong,
    "nats://me:hidden@h:port",
    "nats://me:%ffhidden@h",
    "nats://a/b:hidden@h/c",
  ]) {
    const refused = t.throws(() => parseEventLogAddress(address), { instanceOf: EventLogError });
    t.is(refused.code, "LOG_BAD_ADDRESS");
    t.notRegex(refused.message, /hidden/);
    t.regex(refused.message, /nats:\/\/HOST:PORT/);
  }
});
