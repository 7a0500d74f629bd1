// SPDX-License-Identifier: Apache-2.0

import { connect } from "@nats-io/transport-node";
import test from "ava";

import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import type { NatsServer } from "../../../test/lib/nats/server.ts";
import { startNatsServer } from "../../../test/lib/nats/server.ts";
import { NO_POSITION } from "../event-log.ts";
import type { LastMessage } from "./ids.ts";
import { lastMessages } from "./ids.ts";
import { defaultJetStreamOptions } from "./options.ts";
import { addressOf, openLog, refused, startServer } from "./test-lib/logs.ts";

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
    const server = addressOf(await sharedServer());
    const [first, second] = [await openLog(t, server, {}, "two"), await openLog(t, server, {}, "two")];
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
  "I1: a server that is killed loses nothing that it acknowledged; reads and appends wait for it",
  async (t) => {
    const server = await startServer(t);
    const patient = { appendDeadlineMs: 60_000, readDeadlineMs: 60_000 };
    const log = await openLog(t, addressOf(server), patient);
    const hasty = await openLog(t, addressOf(server));
    const first = await log.append(ann, NO_POSITION, one);
    await log.saveSnapshot(ann, first, one);
    await server.kill();
    const second = log.append(ann, first, one);
    const history = log.read(ann);
    await refused(t, hasty.read(ann), "LOG_UNAVAILABLE");
    await server.restart();
    t.is((await history).snapshot?.position, first);
    t.true((await second) > first);
  },
);

natsTest(
  "(4) a listing by a server that lags behind goes on to what was acknowledged, each id once",
  async (t) => {
    const server = await startServer(t);
    const log = await openLog(t, addressOf(server), { streams: 1 }, "lag");
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
  const bounds = { maxPendingAppends: 10, maxInFlight: 3 };
  const log = await openLog(t, addressOf(await sharedServer()), bounds, "overload");
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

natsTest("a log whose server is away closes without waiting for it", async (t) => {
  const server = await startServer(t);
  const log = await openLog(t, addressOf(server), { readDeadlineMs: 3_600_000 });
  await server.kill();
  const history = refused(t, log.read(ann), "LOG_UNAVAILABLE");
  await log.close();
  await history;
});
