// SPDX-License-Identifier: Apache-2.0

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import test from "ava";

import { SettingError } from "../settings/mod.ts";

import { logOptions } from "./log-options.ts";
import { proxyOptions } from "./options.ts";

const NATS = { PERDURE_LOG: "nats://127.0.0.1:1" };

function jetStreamOptions(env: Readonly<Record<string, string>>) {
  return logOptions(proxyOptions({}, { ...NATS, ...env })).jetstream;
}

test("without settings the log on NATS has its own defaults", (t) => {
  const options = jetStreamOptions({});
  t.like(options, {
    credentials: { kind: "none" },
    tls: { required: false, first: false },
    inboxPrefix: "_INBOX",
    replicas: 1,
    durability: "strict",
    serversSync: false,
    maxInFlight: 1_024,
    maxReadsInFlight: 32,
    packRecords: 8,
    maxPackBytes: 262_144,
    requestTimeoutMs: 5_000,
    appendDeadlineMs: 20_000,
    readDeadlineMs: 10_000,
    reconnectDelayMs: 250,
  });
  for (const absent of ["maxStreamBytes", "streams"]) t.false(absent in (options ?? {}));
});

test("each way to say who we are to NATS is understood", (t) => {
  const credentialsOf = (env: Readonly<Record<string, string>>) => jetStreamOptions(env)?.credentials;
  t.deepEqual(credentialsOf({ NATS_CREDS: "a.creds" }), { kind: "creds", path: "a.creds" });
  t.deepEqual(credentialsOf({ NATS_NKEY: "a.nk" }), { kind: "nkey", path: "a.nk" });
  t.deepEqual(credentialsOf({ NATS_TOKEN: "t" }), { kind: "token", token: "t" });
  const password = credentialsOf({ NATS_USER: "u", NATS_PASSWORD: "p" });
  t.deepEqual(password, { kind: "password", user: "u", password: "p" });
  const env = {
    PERDURE_LOG: "tls://h",
    NATS_CA: "ca",
    NATS_CERT: "c",
    NATS_KEY: "k",
    NATS_TLS_FIRST: "true",
  };
  t.deepEqual(jetStreamOptions(env)?.tls, {
    required: false,
    first: true,
    caFile: "ca",
    certFile: "c",
    keyFile: "k",
  });
});

test("durability, copies and sizes of the streams are the operator's", (t) => {
  const env = {
    PERDURE_LOG_DURABILITY: "relaxed",
    PERDURE_LOG_SERVERS_SYNC: "true",
    PERDURE_LOG_REPLICAS: "3",
  };
  t.like(jetStreamOptions({ ...env, PERDURE_LOG_STREAMS: "8", PERDURE_LOG_MAX_BYTES: "1000" }), {
    durability: "relaxed",
    serversSync: true,
    replicas: 3,
    streams: 8,
    maxStreamBytes: 1_000,
  });
});

for (const [title, env, message] of [
  [
    "two kinds of credentials",
    { NATS_CREDS: "a", NATS_TOKEN: "hidden" },
    /^only one of NATS_CREDS and NATS_TOKEN may be set/,
  ],
  [
    "a password without its user",
    { NATS_PASSWORD: "hidden" },
    /^NATS_USER must be set too, because NATS_PASSWORD/,
  ],
  ["a certificate without its key", { NATS_CERT: "a" }, /^NATS_CERT and NATS_KEY must be set together/],
  ["a key without its certificate", { NATS_KEY: "a" }, /^NATS_CERT and NATS_KEY must be set together/],
  [
    "a number of streams that cannot be",
    { PERDURE_LOG_STREAMS: "3" },
    /^PERDURE_LOG_STREAMS must be 1, 2, 4, 8, 16 or 0, not "3"$/,
  ],
  ["an unknown durability", { PERDURE_LOG_DURABILITY: "some" }, /must be strict or relaxed/],
] as const) {
  test(`settings that contradict each other are refused without a secret: ${title}`, (t) => {
    const error = t.throws(() => jetStreamOptions(env), { instanceOf: SettingError, message });
    t.notRegex(error.message, /hidden/);
  });
}

test("settings of NATS do not matter to another log, whose environment they may stand in for others", (t) => {
  const env = { PERDURE_LOG: "memory:", NATS_CREDS: "absent", NATS_TOKEN: "hidden" };
  t.deepEqual(Object.keys(logOptions(proxyOptions({}, env))), ["memory", "sqlite"]);
});

test("a mounted Secret says who we are, where no setting does", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "perdure-secret-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const options = (more = {}) => jetStreamOptions({ NATS_SECRET_DIR: folder, ...more });
  t.like(options(), { credentials: { kind: "none" } }, "it is empty");
  t.like(options({ NATS_SECRET_DIR: join(folder, "absent") }), { credentials: { kind: "none" } });

  writeFileSync(join(folder, "user"), "shop\n");
  writeFileSync(join(folder, "password"), "secret\n");
  writeFileSync(join(folder, "ca.crt"), "");
  t.like(options(), {
    credentials: { kind: "password", user: "shop", password: "secret" },
    tls: { caFile: join(folder, "ca.crt") },
  });
  t.like(options({ NATS_USER: "other" }), { credentials: { user: "other", password: "secret" } });

  writeFileSync(join(folder, "nats.creds"), "");
  t.throws(options, { instanceOf: SettingError, message: /only one of NATS_CREDS and NATS_USER may be set/ });
  rmSync(join(folder, "user"));
  rmSync(join(folder, "password"));
  t.like(options(), { credentials: { kind: "creds", path: join(folder, "nats.creds") } });
  mkdirSync(join(folder, "token"));
  t.throws(options, { instanceOf: SettingError, message: /token cannot be read/ });
});
