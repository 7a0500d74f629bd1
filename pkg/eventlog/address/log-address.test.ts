// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { EventLogError } from "../event-log.ts";
import { LOG_ADDRESS_SETTINGS } from "../settings.ts";
import type { EventLogAddress } from "./log-address.ts";
import { isElsewhere, parseEventLogAddress, shownAddress } from "./log-address.ts";
import { LOG_KINDS } from "./log-kinds.ts";

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
    t.regex(refused.message, /sqlite:PATH .*memory: /);
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

test("the help of --log and the refusal of an address name every kind of log", (t) => {
  const refused = t.throws(() => parseEventLogAddress("log.db"), { instanceOf: EventLogError });
  for (const { forms, help } of Object.values(LOG_KINDS)) {
    t.true(refused.message.includes(forms), forms);
    t.true(LOG_ADDRESS_SETTINGS.log.help.includes(help), help);
  }
});

test("a log on NATS is elsewhere; a file and memory are not", (t) => {
  for (const address of ["nats://a", "tls://a:4222,b/p"]) t.true(isElsewhere(address), address);
  for (const address of ["memory:", "sqlite:log.db"]) t.false(isElsewhere(address), address);
});

test("an address that is shown has none of its secrets", (t) => {
  t.is(shownAddress("nats://me:p@ss@a:4222,b/p"), "nats://…@a:4222,b/p");
  t.is(shownAddress("tls://token@a"), "tls://…@a");
  for (const plain of ["memory:", "sqlite:/srv//me@home/log.db", "nats://a:4222/p"]) {
    t.is(shownAddress(plain), plain);
  }
});

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
