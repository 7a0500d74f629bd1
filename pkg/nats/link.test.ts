// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { connect } from "@nats-io/transport-node";
import type { ExecutionContext } from "ava";

import { silentLogger } from "../base/mod.ts";
import { ManualClock } from "../base/test-doubles/mod.ts";
import { logsOnly } from "../telemetry/mod.ts";

import { natsTest } from "../../test/lib/nats/nats-test.ts";
import { PATIENT_NATS } from "../../test/lib/nats/patient-options.ts";
import type { NatsServer, NatsServerOptions } from "../../test/lib/nats/server.ts";
import { startNatsServer } from "../../test/lib/nats/server.ts";
import { temporaryFolder } from "../../test/lib/processes.ts";
import { until } from "../../test/lib/until.ts";
import { natsErrorOf } from "./client-error.ts";
import { connectNats } from "./connect.ts";
import type { NatsLink } from "./link.ts";
import type { NatsCode } from "./nats-error.ts";
import { NatsError } from "./nats-error.ts";
import type { NatsOptions } from "./options.ts";
import { checkServer } from "./server-check.ts";

async function startServer(t: ExecutionContext, options: NatsServerOptions = {}): Promise<NatsServer> {
  const server = await startNatsServer(options);
  t.teardown(() => server.stop());
  return server;
}

function connectTo({ port }: NatsServer, options: Partial<NatsOptions> = {}): Promise<NatsLink> {
  const target = { server: `127.0.0.1:${port}`, name: "perdure test", purpose: "cluster" };
  return connectNats(target, { ...PATIENT_NATS, ...options });
}

async function openLink(
  t: ExecutionContext,
  server: NatsServer,
  options: Partial<NatsOptions> = {},
): Promise<NatsLink> {
  const link = await connectTo(server, options);
  t.teardown(() => link.close());
  return link;
}

/** Another client, which answers requests of a subject. Returns the requests that it has got. */
async function respond(
  t: ExecutionContext,
  { port }: NatsServer,
  subject: string,
  answer: (request: Msg, client: NatsConnection) => void = () => undefined,
): Promise<readonly Msg[]> {
  const client = await connect({ port, maxReconnectAttempts: -1, timeout: 30_000 });
  t.teardown(() => client.close());
  const requests: Msg[] = [];
  client.subscribe(subject, {
    callback: (_error, request) => {
      requests.push(request);
      answer(request, client);
    },
  });
  await client.flush();
  return requests;
}

async function refused(t: ExecutionContext, promise: Promise<unknown>, code: NatsCode): Promise<NatsError> {
  const error = await t.throwsAsync(promise, { instanceOf: NatsError });
  t.is(error.code, code, error.message);
  return error;
}

/** A request of which the code of its answer counts. */
function askCode(link: NatsLink, subject: string): Promise<number> {
  return link.ask({ subject, payload: "", receive: ({ headers }) => headers?.code ?? 0 });
}

natsTest("a request is answered, in one message or in several", async (t) => {
  const server = await startServer(t);
  await respond(t, server, "shop.load", (request) => request.respond("7"));
  await respond(t, server, "shop.list", ({ reply = "" }, client) => {
    for (const word of ["a", "b", ""]) client.publish(reply, word);
  });
  const link = await openLink(t, server);
  t.notThrows(() => checkServer("", link.connection.info));
  t.true(link.maxPayload >= 1_000_000);
  const load = { subject: "shop.load", payload: "", receive: (message: Msg) => message.json<number>() };
  t.deepEqual(await Promise.all([link.ask(load), link.ask(load)]), [7, 7]);
  const words: string[] = [];
  const receive = (message: Msg): string[] | undefined => {
    if (message.string() === "") return words;
    words.push(message.string());
    return undefined;
  };
  t.deepEqual(await link.ask({ subject: "shop.list", payload: "", receive }), ["a", "b"]);
});

natsTest("a request that nobody takes is answered by the server at once; a late one fails", async (t) => {
  const server = await startServer(t);
  await respond(t, server, "shop.silent");
  const link = await openLink(t, server, { requestTimeoutMs: 50 });
  t.is(await askCode(await openLink(t, server), "shop.nobody"), 503);
  const late = await refused(t, askCode(link, "shop.silent"), "NATS_NO_ANSWER");
  t.regex(late.message, /^no answer from 127\.0\.0\.1:\d+ within 50 ms$/);
});

natsTest("what handles an answer may throw; the request fails with that", async (t) => {
  const server = await startServer(t);
  await respond(t, server, "shop.load", (request) => request.respond("no number"));
  const link = await openLink(t, server);
  const load = { subject: "shop.load", payload: "" };
  await t.throwsAsync(link.ask({ ...load, receive: (message) => message.json() }), {
    instanceOf: SyntaxError,
  });
  const trouble = new TypeError("trouble");
  const reason = await new Promise<Error>((resolve) => {
    const take = (): boolean => {
      throw trouble;
    };
    link.send({ ...load, take, fail: resolve });
  });
  t.is(reason, trouble);
  t.is(natsErrorOf(reason).code, "NATS_FAILED");
});

natsTest(
  "a lost connection fails what was sent, and what comes next is not sent until it is back",
  async (t) => {
    const server = await startServer(t);
    const requests = await respond(t, server, "shop.silent");
    const lines: string[] = [];
    const keep = (line: string): void => void lines.push(line);
    const link = await openLink(t, server, {
      telemetry: logsOnly({ ...silentLogger, warn: keep, info: keep }),
    });
    const pending = refused(t, askCode(link, "shop.silent"), "NATS_NO_ANSWER");
    await until("the request has arrived", () => requests.length > 0);
    await server.kill();
    t.regex((await pending).message, /^the connection to 127\.0\.0\.1:\d+ was lost$/);
    const unsent = await refused(t, askCode(link, "shop.nobody"), "NATS_NOT_CONNECTED");
    t.regex(unsent.message, /^there is no connection to 127\.0\.0\.1:\d+ now$/);
    await server.restart();
    await until("it is connected again", () => lines.includes("NATS: connected again"));
    t.deepEqual(lines, ["NATS: connection lost", "NATS: connected again"]);
    t.is(await askCode(link, "shop.nobody"), 503);
  },
);

natsTest("a closed connection fails what is pending, and sends nothing more", async (t) => {
  const server = await startServer(t);
  const requests = await respond(t, server, "shop.silent");
  const link = await openLink(t, server);
  const pending = refused(t, askCode(link, "shop.silent"), "NATS_NO_ANSWER");
  await until("the request has arrived", () => requests.length > 0);
  await link.close("the cluster is left");
  t.is((await pending).message, "the cluster is left");
  await refused(t, askCode(link, "shop.silent"), "NATS_NOT_CONNECTED");
});

natsTest(
  "a message without an answer is lost while there is no connection, and its return is told",
  async (t) => {
    const server = await startServer(t);
    const heard = await respond(t, server, "shop.heartbeat");
    const link = await openLink(t, server);
    let returns = 0;
    const forget = link.onConnected(() => returns++);
    link.publish("shop.heartbeat", "1");
    await until("it is heard", () => heard.length === 1);
    await server.kill();
    await refused(t, untilRefused(link), "NATS_NOT_CONNECTED");
    link.publish("shop.heartbeat", "2");
    await server.restart();
    await until("the connection is back", () => returns === 1);
    await until("a message is heard again", () => {
      link.publish("shop.heartbeat", "3");
      return heard.length > 1;
    });
    t.is(heard[1]?.string(), "3");
    forget();
    await link.close();
    t.notThrows(() => link.publish("shop.heartbeat", "4"));
  },
);

/** Asks until there is no connection. */
async function untilRefused(link: NatsLink): Promise<void> {
  for (;;) {
    try {
      await askCode(link, "shop.nobody");
    } catch (thrown) {
      if (natsErrorOf(thrown).code === "NATS_NOT_CONNECTED") throw thrown;
    }
  }
}

natsTest("a missing permission fails the requests that need it", async (t) => {
  const users = [
    '{ user: mute, password: p, permissions: { publish: { deny: "shop.load" } } }',
    '{ user: deaf, password: p, permissions: { subscribe: { deny: "_INBOX.>" } } }',
  ];
  const server = await startServer(t, {
    more: `authorization { timeout: 30, users: [${users.join(", ")}] }`,
  });
  const clock = new ManualClock();
  const openAs = (user: string): Promise<NatsLink> =>
    openLink(t, server, { clock, credentials: { kind: "password", user, password: "p" } });
  const mute = await openAs("mute");
  const error = await refused(t, askCode(mute, "shop.load"), "NATS_MAY_NOT_PUBLISH");
  t.regex(error.message, /allow this user to publish to "shop\.load"/);
  t.is(await askCode(mute, "shop.nobody"), 503);
  clock.advance(9_999);
  t.is(mute.lacks?.message, error.message);
  clock.advance(1);
  t.is(mute.lacks, undefined, "it may have been permitted since");
  const deaf = await openAs("deaf");
  await refused(t, askCode(deaf, "shop.nobody"), "NATS_MAY_NOT_SUBSCRIBE");
  clock.advance(100_000);
  t.is(deaf.lacks?.code, "NATS_MAY_NOT_SUBSCRIBE", "the subscription is not made again");
});

natsTest("a connection that cannot be made is refused with what to do", async (t) => {
  const server = await startServer(t, { auth: { kind: "token", token: "right" } });
  const credentials = { kind: "token", token: "hidden" } as const;
  const stranger = await refused(t, connectTo(server, { credentials }), "NATS_UNAUTHORIZED");
  t.notRegex(stranger.message, /hidden/);
  const path = join(temporaryFolder(t), "absent");
  await refused(t, connectTo(server, { credentials: { kind: "nkey", path } }), "NATS_BAD_FILE");
  const tls = { required: true, first: false };
  await refused(t, connectTo(server, { tls: { ...tls, caFile: path } }), "NATS_BAD_FILE");
  await refused(t, connectTo(server, { tls }), "NATS_BAD_TLS");
  await server.kill();
  await refused(t, connectTo(server), "NATS_UNREACHABLE");
});
