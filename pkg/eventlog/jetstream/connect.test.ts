// SPDX-License-Identifier: Apache-2.0

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { inspect } from "node:util";

import { nkeys } from "@nats-io/transport-node";

import { silentLogger, systemClock } from "../../base/mod.ts";
import { logsOnly, NO_TELEMETRY } from "../../telemetry/mod.ts";

import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import { reconfigure } from "../../../test/lib/nats/reconfigure.ts";
import { RELAXED_LOG } from "../../../test/lib/nats/relaxed.ts";
import { temporaryFolder } from "../../../test/lib/processes.ts";
import { until } from "../../../test/lib/until.ts";
import type { EventLog } from "../event-log.ts";
import { EventLogError, NO_POSITION } from "../event-log.ts";
import { openEventLog } from "../open.ts";
import { createOperator } from "./test-lib/jwt.ts";
import { addressOf, eventually, openLog, refused, startServer } from "./test-lib/logs.ts";

const ann = { type: "cart", id: "ann" };
const one = new Uint8Array([1]);
const CERTIFICATES = join(import.meta.dirname, "testdata", "tls");

natsTest("wrong credentials are refused with a text that says so; right ones are taken", async (t) => {
  const auth = { kind: "password", user: "perdure", password: "right" } as const;
  const server = addressOf(await startServer(t, { auth }));
  for (const credentials of [{ kind: "none" } as const, { ...auth, password: "hidden" }]) {
    const error = await refused(t, openLog(t, server, { credentials }), "LOG_UNUSABLE");
    t.regex(error.message, /refuses the credentials: check user, password/);
    t.notRegex(error.message, /hidden/);
  }
  const log = await openLog(t, server, { credentials: auth });
  await log.append(ann, NO_POSITION, one);
});

natsTest("nats://USER:PASSWORD@HOST:PORT/PREFIX opens the log there, with its own settings", async (t) => {
  const auth = { kind: "password", user: "perdure", password: "p@ss" } as const;
  const server = addressOf(await startServer(t, { auth }));
  const dependencies = {
    clock: systemClock,
    telemetry: NO_TELEMETRY,
    jetstream: { ...RELAXED_LOG, maxRecordBytes: 10, connectTimeoutMs: 30_000 },
  };
  const log = await openEventLog(`nats://perdure:p%40ss@${server}/opened`, dependencies);
  t.teardown(() => log.close());
  t.is(log.durability, "acknowledged-before-fsync");
  await refused(t, log.append(ann, NO_POSITION, new Uint8Array(11)), "RECORD_TOO_LARGE");
  await log.append(ann, NO_POSITION, one);
  const other = await openLog(t, server, { credentials: auth }, "opened");
  t.is((await other.read(ann)).records.length, 1);
});

natsTest("of several servers the first that answers is taken; if none does, the text says so", async (t) => {
  const server = await startServer(t);
  const log = await openLog(t, `127.0.0.1:1,localhost:${server.port}`);
  await log.append(ann, NO_POSITION, one);
  await server.kill();
  await server.restart();
  t.is((await eventually(() => log.read(ann))).records.length, 1);
  const nowhere = await refused(t, openLog(t, "127.0.0.1:1,127.0.0.1:2"), "LOG_UNAVAILABLE");
  t.regex(nowhere.message, /^127\.0\.0\.1:1,127\.0\.0\.1:2: no NATS server answers there/);
});

natsTest("a token is taken as credentials", async (t) => {
  const server = addressOf(await startServer(t, { auth: { kind: "token", token: "secret" } }));
  const log = await openLog(t, server, { credentials: { kind: "token", token: "secret" } });
  t.is(await log.append(ann, NO_POSITION, one), 1);
});

natsTest("a password that is changed at the server keeps the log out until it is right again", async (t) => {
  const auth = { kind: "password", user: "perdure", password: "right" } as const;
  const server = await startServer(t, { auth });
  const log = await openLog(t, addressOf(server), { credentials: auth });
  const first = await log.append(ann, NO_POSITION, one);
  await reconfigure(server, '"right"', '"changed"');
  await until("the log is out", () => isOut(log));
  await refused(t, log.append(ann, first, one), "LOG_UNAVAILABLE");
  // Longer than two refusals. After two, NATS's client would give up if the log allowed it.
  await delay(300);
  await reconfigure(server, '"changed"', '"right"');
  await eventually(() => log.append(ann, first, one));
});

natsTest("an NKey comes from a file, and anew at each attempt to connect", async (t) => {
  const [former, latter] = [nkeys.createUser(), nkeys.createUser()];
  const path = join(temporaryFolder(t), "user.nk");
  writeFileSync(path, `${seedOf(former)}\n`);
  const server = await startServer(t, { auth: { kind: "nkey", publicKey: former.getPublicKey() } });
  const log = await openLog(t, addressOf(server), { credentials: { kind: "nkey", path } });
  const first = await log.append(ann, NO_POSITION, one);

  await reconfigure(server, former.getPublicKey(), latter.getPublicKey());
  await until("the log is out", () => isOut(log));
  writeFileSync(path, `-----BEGIN USER NKEY SEED-----\n${seedOf(latter)}\n------END USER NKEY SEED------\n`);
  const second = await eventually(() => log.append(ann, first, one));

  // While a program replaces the file, it may be empty or missing for a moment. Then the former contents are used.
  for (const spoil of [() => writeFileSync(path, ""), () => rmSync(path)]) {
    spoil();
    await server.kill();
    await server.restart();
    t.is((await eventually(() => log.read(ann))).records.at(-1)?.position, second);
  }
});

natsTest("credentials that run out are refused; their successor is taken without a restart", async (t) => {
  const operator = createOperator();
  const server = await startServer(t, { more: operator.config });
  const path = join(temporaryFolder(t), "user.creds");
  const credentials = { kind: "creds", path } as const;
  const lines: string[] = [];
  const logger = { ...silentLogger, warn: (...line: unknown[]) => lines.push(JSON.stringify(line)) };
  writeFileSync(path, operator.credentials());
  const log = await openLog(t, addressOf(server), { credentials, telemetry: logsOnly(logger) });
  const first = await log.append(ann, NO_POSITION, one);

  // The server accepts these credentials for one second, however slow the test is.
  writeFileSync(path, operator.credentials(new Date(Date.now() + 1_000)));
  await server.kill();
  await server.restart();
  const isTold = (): boolean => lines.some((line) => /expired|violation/i.test(line));
  await until("the server tells that it is over", isTold);
  await until("the log is out", () => isOut(log));
  const late = await refused(t, openLog(t, addressOf(server), { credentials }), "LOG_UNUSABLE");
  t.regex(late.message, /refuses the credentials: .*file/);
  writeFileSync(path, operator.credentials());
  await eventually(() => log.append(ann, first, one));
});

natsTest(
  "a file with credentials that is not there, or holds something else, is named; its text is not",
  async (t) => {
    const server = addressOf(await startServer(t));
    const folder = temporaryFolder(t);
    const [absent, wrong] = [join(folder, "absent"), join(folder, "wrong")];
    writeFileSync(wrong, "SUhidden");
    for (const kind of ["nkey", "creds"] as const) {
      const gone = await refused(
        t,
        openLog(t, server, { credentials: { kind, path: absent } }),
        "LOG_UNUSABLE",
      );
      t.regex(gone.message, /^the file .*absent with .* cannot be read \(ENOENT/);
      const other = await refused(
        t,
        openLog(t, server, { credentials: { kind, path: wrong } }),
        "LOG_UNUSABLE",
      );
      t.regex(other.message, /^the file .*wrong does not hold (NATS credentials|the seed of an NKey)$/);
      t.notRegex(inspect(other), /hidden/);
    }
  },
);

natsTest("TLS is used where the server demands it, and demanded by tls://", async (t) => {
  const server = `localhost:${(await startServer(t, { more: tlsBlock() })).port}`;
  const caFile = join(CERTIFICATES, "ca.pem");
  const tls = { required: false, first: false, caFile };
  const log = await openLog(t, server, { tls });
  await log.append(ann, NO_POSITION, one);
  const dependencies = { clock: systemClock, telemetry: NO_TELEMETRY };
  const jetstream = { ...RELAXED_LOG, tls, connectTimeoutMs: 30_000 };
  const other = await openEventLog(`tls://${server}/p`, { ...dependencies, jetstream });
  t.teardown(() => other.close());
  t.is((await other.read(ann)).records.length, 1);

  const plain = addressOf(await startServer(t));
  const none = await refused(t, openEventLog(`tls://${plain}`, dependencies), "LOG_UNUSABLE");
  t.regex(none.message, /TLS is asked for, and the server has none/);
});

natsTest(
  "a server is refused whose certificate nobody vouches for, and so are files that are none",
  async (t) => {
    const server = `localhost:${(await startServer(t, { more: tlsBlock() })).port}`;
    for (const caFile of [undefined, join(CERTIFICATES, "other-ca.pem"), join(CERTIFICATES, "client.key")]) {
      const tls = { required: false, first: false, ...(caFile !== undefined && { caFile }) };
      const error = await refused(t, openLog(t, server, { tls }), "LOG_UNUSABLE");
      t.regex(error.message, /no TLS connection comes about: check the CA/);
    }
    const absent = { required: false, first: false, caFile: join(CERTIFICATES, "absent.pem") };
    const gone = await refused(t, openLog(t, server, { tls: absent }), "LOG_UNUSABLE");
    t.regex(gone.message, /absent\.pem with CA certificates cannot be read/);
  },
);

natsTest("a server that verifies clients takes our certificate, and nobody without", async (t) => {
  const server = addressOf(await startServer(t, { more: tlsBlock("verify: true") }));
  const caFile = join(CERTIFICATES, "ca.pem");
  const own = { certFile: join(CERTIFICATES, "client.pem"), keyFile: join(CERTIFICATES, "client.key") };
  const tls = { required: true, first: false, caFile };
  const log = await openLog(t, server, { tls: { ...tls, ...own } });
  await log.append(ann, NO_POSITION, one);
  const error = await refused(t, openLog(t, server, { tls, connectTimeoutMs: 1_000 }), "LOG_UNAVAILABLE");
  t.regex(error.message, /stays silent; so does one that verifies clients/);
  const foreign = { ...own, keyFile: join(CERTIFICATES, "server.key") };
  await refused(t, openLog(t, server, { tls: { ...tls, ...foreign } }), "LOG_UNUSABLE");
});

natsTest("TLS from the first byte is used where it is asked for", async (t) => {
  const server = addressOf(await startServer(t, { more: tlsBlock("handshake_first: true") }));
  const tls = { required: false, first: true, caFile: join(CERTIFICATES, "ca.pem") };
  const log = await openLog(t, server, { tls });
  t.is(await log.append(ann, NO_POSITION, one), 1);
});

natsTest("the files of TLS are read again at each attempt to connect", async (t) => {
  const server = await startServer(t, { more: tlsBlock() });
  const caFile = join(temporaryFolder(t), "ca.pem");
  const put = (name: string) => writeFileSync(caFile, readFileSync(join(CERTIFICATES, name)));
  put("ca.pem");
  const log = await openLog(t, addressOf(server), { tls: { required: true, first: false, caFile } });
  const first = await log.append(ann, NO_POSITION, one);
  for (const spoil of [() => put("other-ca.pem"), () => put("client.key"), () => rmSync(caFile)]) {
    spoil();
    await server.kill();
    await server.restart();
    await delay(200);
    await refused(t, log.read(ann), "LOG_UNAVAILABLE");
    put("ca.pem");
    t.is((await eventually(() => log.read(ann))).records[0]?.position, first);
  }
});

natsTest("answers come to subjects that begin with the inbox prefix, and to no others", async (t) => {
  const user = `{ user: u, password: p, permissions: { publish: ">", subscribe: "_PERDURE.>" } }`;
  const server = addressOf(await startServer(t, { more: `authorization { timeout: 30, users: [${user}] }` }));
  const credentials = { kind: "password", user: "u", password: "p" } as const;
  const log = await openLog(t, server, { credentials, inboxPrefix: "_PERDURE" });
  await log.append(ann, NO_POSITION, one);
  for await (const id of log.list("cart")) t.is(id, "ann");
  const deaf = await refused(t, openLog(t, server, { credentials }), "LOG_UNUSABLE");
  t.regex(deaf.message, /allow this user to subscribe to "_INBOX/);
});

function tlsBlock(more = ""): string {
  const file = (name: string) => JSON.stringify(join(CERTIFICATES, name));
  return `tls { timeout: 30, cert_file: ${file("server.pem")}, key_file: ${file("server.key")}, ca_file: ${file("ca.pem")}
    ${more} }`;
}

function seedOf(key: ReturnType<typeof nkeys.createUser>): string {
  return Buffer.from(key.getSeed()).toString("latin1");
}

/** True if neither of the log's connections is there. The append names a wrong position, so it stores nothing. */
async function isOut(log: EventLog): Promise<boolean> {
  const outcomes = await Promise.allSettled([log.read(ann), log.append(ann, 1_000_000, one)]);
  return outcomes.every(
    (outcome) => outcome.status === "rejected" && codeOf(outcome.reason) === "LOG_UNAVAILABLE",
  );
}

function codeOf(reason: unknown): unknown {
  return reason instanceof EventLogError ? reason.code : undefined;
}
