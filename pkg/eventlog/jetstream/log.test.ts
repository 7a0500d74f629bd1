// SPDX-License-Identifier: Apache-2.0

import { DiscardPolicy, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import test from "ava";
import type { ExecutionContext } from "ava";

import { natsTest } from "../../../hack/nats/nats-test.ts";
import { startNatsServer } from "../../../hack/nats/server.ts";
import type { NatsServer, NatsServerOptions } from "../../../hack/nats/server.ts";
import { EventLogError, NO_POSITION } from "../event-log.ts";
import type { EventLog, EventLogCode } from "../event-log.ts";
import { lastMessages } from "./ids.ts";
import type { LastMessage } from "./ids.ts";
import { openJetStreamLog } from "./log.ts";
import { defaultJetStreamOptions } from "./options.ts";
import type { JetStreamLogOptions } from "./options.ts";
import { ENVELOPE_BYTES } from "./stored.ts";

let shared: Promise<NatsServer> | undefined;

test.after.always(async () => {
  await (await shared)?.stop();
});

/** One server for the tests that do it no harm. */
function sharedServer(): Promise<NatsServer> {
  shared ??= startNatsServer();
  return shared;
}

const ann = { type: "cart", id: "ann" };
const one = new Uint8Array([1]);

natsTest(
  "two logs of one prefix share entities and their fence; each sees the other's records",
  async (t) => {
    const server = await sharedServer();
    const [first, second] = [await openLog(t, server, "two"), await openLog(t, server, "two")];
    const abort = new AbortController();
    const records = second.tail("cart", second.partitionOf(ann), NO_POSITION, abort.signal);
    const tail = records[Symbol.asyncIterator]();
    const seen = tail.next();
    const position = await first.append(ann, NO_POSITION, one);
    t.is((await seen).value?.position, position);
    await refused(t, second.append(ann, NO_POSITION, one), "APPEND_CONFLICT");
    await second.append(ann, position, one);
    await refused(t, first.append(ann, position, one), "APPEND_CONFLICT");
    t.is((await first.read(ann)).records.length, 2);
    abort.abort();
    await tail.return?.();
  },
);

natsTest(
  "I1: a server that is killed loses nothing that it acknowledged, and the log goes on with it",
  async (t) => {
    const server = await startServer(t);
    const log = await openLog(t, server, "killed", { reconnectDelayMs: 20 });
    const first = await log.append(ann, NO_POSITION, one);
    await log.saveSnapshot(ann, first, one);
    await server.kill();
    const second = log.append(ann, first, one);
    await refused(t, log.read(ann), "LOG_UNAVAILABLE");
    await server.restart();
    const { snapshot } = await eventually(() => log.read(ann));
    t.is(snapshot?.position, first);
    t.true((await second) > first);
  },
);

natsTest("where no server is and where JetStream is off, the text says what to do", async (t) => {
  const server = await startServer(t, { jetstream: false });
  const address = { server: addressOf(server), prefix: "p" };
  const off = await refused(t, openJetStreamLog(address), "LOG_UNUSABLE");
  t.regex(off.message, /JetStream is off: start nats-server with -js/);
  await server.stop();
  const gone = await refused(t, openJetStreamLog(address), "LOG_UNAVAILABLE");
  t.regex(gone.message, /no NATS server answers there/);
});

natsTest(
  "I11: a record above max_payload and a full stream are refused; nothing is stored, nothing is lost",
  async (t) => {
    const server = await startServer(t, { maxPayloadBytes: 10_000 });
    const log = await openLog(t, server, "bounds", { maxStreamBytes: 20_000, streams: 1 });
    const tooLarge = await refused(
      t,
      log.append(ann, NO_POSITION, new Uint8Array(9_999)),
      "RECORD_TOO_LARGE",
    );
    t.regex(tooLarge.message, /max_payload is 10000/);
    const largest = 10_000 - 100 - ENVELOPE_BYTES;
    await refused(t, log.append(ann, NO_POSITION, new Uint8Array(largest + 1)), "RECORD_TOO_LARGE");
    const position = await log.append(ann, NO_POSITION, new Uint8Array(largest));
    const full = await refused(t, fill(log, position), "LOG_FULL");
    t.regex(full.message, /raise its max_bytes/);
    t.is((await log.read(ann)).records[0]?.position, position);
  },
);

natsTest("a stream that would lose events is refused with what to change", async (t) => {
  const server = await startServer(t);
  const connection = await connect({ servers: [addressOf(server)] });
  t.teardown(() => connection.close());
  const manager = await jetstreamManager(connection);
  await manager.streams.add({
    name: "bad_ev_0",
    subjects: ["bad.ev.*.*.*"],
    discard: DiscardPolicy.Old,
    max_msgs_per_subject: 5,
    allow_direct: true,
  });
  const address = { server: addressOf(server), prefix: "bad" };
  const error = await refused(t, openJetStreamLog(address), "LOG_UNUSABLE");
  t.regex(error.message, /bad_ev_0 .*discard must be new.*max_msgs_per_subject must be -1.*another prefix/);
  t.notRegex(error.message, /allow_direct/);
});

natsTest("a missing permission is named; the append it refuses is not stored", async (t) => {
  const more = `
    authorization { timeout: 30, users: [
      { user: admin, password: a }
      { user: reader, password: r, permissions: { publish: { deny: ["p.ev.>"] } } }
      { user: deaf, password: d, permissions: { subscribe: { deny: ["_INBOX.>"] } } }
    ] }`;
  const server = await startServer(t, { more });
  const log = await openLog(t, server, "p", {
    credentials: { kind: "password", user: "reader", password: "r" },
  });
  const error = await refused(t, log.append(ann, NO_POSITION, one), "LOG_UNUSABLE");
  t.regex(error.message, /allow this user to publish to "p\.ev\.0\.cart\.ann"/);
  t.deepEqual(await log.read(ann), { records: [], end: true });
  const credentials = { kind: "password", user: "deaf", password: "d" } as const;
  const deaf = await refused(
    t,
    openJetStreamLog({ server: addressOf(server), prefix: "p" }, { credentials }),
    "LOG_UNUSABLE",
  );
  t.regex(deaf.message, /allow this user to subscribe to "_INBOX/);
});

natsTest(
  "(4) a listing by a server that lags behind goes on to what was acknowledged, each id once",
  async (t) => {
    const server = await startServer(t);
    const log = await openLog(t, server, "lag", { streams: 1 });
    const connection = await connect({ servers: [addressOf(server)] });
    t.teardown(() => connection.close());
    const bob = { type: "cart", id: "bob" };
    const first = await log.append(ann, NO_POSITION, one);
    await log.append(bob, NO_POSITION, one);
    const source = { stream: "lag_ev_0", subject: "lag.ev.*.cart.*" };
    const pages = lastMessages(connection, source, 5, defaultJetStreamOptions);
    const before = await pages.next();
    t.deepEqual(idsOf(before.value ?? []), ["ann", "bob"]);
    await log.append(ann, first, one);
    const cat = { type: "cart", id: "cat" };
    await log.append(cat, await log.append(cat, NO_POSITION, one), one);
    const after: string[] = [];
    for await (const page of pages) after.push(...idsOf(page));
    t.deepEqual(after, ["cat"]);
  },
);

natsTest("I11: more appends than the bound allows are refused, and those within it are stored", async (t) => {
  const log = await openLog(t, await sharedServer(), "overload", { maxPendingAppends: 10, maxInFlight: 3 });
  const appended = Array.from({ length: 30 }, (_, index) =>
    log.append({ type: "cart", id: `${index}` }, NO_POSITION, one),
  );
  const outcomes = await Promise.allSettled(appended);
  t.is(outcomes.filter(({ status }) => status === "fulfilled").length, 10);
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") await refused(t, Promise.reject(outcome.reason), "LOG_OVERLOADED");
  }
});

function idsOf(page: readonly LastMessage[]): string[] {
  return page.map(({ subject }) => subject.slice(subject.lastIndexOf(".") + 1));
}

function addressOf(server: NatsServer): string {
  return `127.0.0.1:${server.port}`;
}

async function startServer(t: ExecutionContext, options: NatsServerOptions = {}): Promise<NatsServer> {
  const server = await startNatsServer(options);
  t.teardown(() => server.stop());
  return server;
}

async function openLog(
  t: ExecutionContext,
  server: NatsServer,
  prefix: string,
  options: Partial<JetStreamLogOptions> = {},
): Promise<EventLog> {
  const log = await openJetStreamLog({ server: addressOf(server), prefix }, options);
  t.teardown(() => log.close());
  return log;
}

async function fill(log: EventLog, position: number): Promise<void> {
  let last = position;
  for (let i = 0; i < 100; i++) last = await log.append(ann, last, new Uint8Array(5_000));
}

/** Tries again while the log is not available, as its callers do. AVA's time-out bounds it. */
async function eventually<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (thrown) {
      if (!(thrown instanceof EventLogError) || thrown.code !== "LOG_UNAVAILABLE") throw thrown;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

async function refused(
  t: ExecutionContext,
  promise: Promise<unknown>,
  code: EventLogCode,
): Promise<EventLogError> {
  const error = await t.throwsAsync(promise, { instanceOf: EventLogError });
  t.is(error.code, code);
  return error;
}
