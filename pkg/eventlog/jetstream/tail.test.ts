// SPDX-License-Identifier: Apache-2.0

import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import type { ExecutionContext } from "ava";
import test from "ava";

import { seededRandom } from "../../base/test-doubles/mod.ts";

import { startFaultProxy } from "../../../test/lib/fault-proxy.ts";
import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import type { NatsServer } from "../../../test/lib/nats/server.ts";
import { startNatsServer } from "../../../test/lib/nats/server.ts";
import { until } from "../../../test/lib/until.ts";
import type { EventLog, Position } from "../event-log.ts";
import { EventLogError, NO_POSITION } from "../event-log.ts";
import type { JetStreamLogOptions } from "./options.ts";
import { addressOf, openLog, startServer } from "./test-lib/logs.ts";

const PREFIX = "p";
const QUICK: Partial<JetStreamLogOptions> = { streams: 1, appendDeadlineMs: 60_000, tailHeartbeatMs: 100 };
/**
 * For tests in which the consumer must stay the same. With a short heartbeat the silence of a busy machine would look
 * like the loss of the consumer.
 */
const PATIENT = { ...QUICK, tailHeartbeatMs: 10_000 };

let shared: Promise<NatsServer> | undefined;
let lastPrefix = 0;

test.after.always(async () => {
  await (await shared)?.stop();
});

/** Reads a tail in the background. `hold` stops the reading for a while. */
class Follower {
  readonly positions: Position[] = [];
  readonly ended: Promise<void>;
  readonly #abort = new AbortController();
  #held: Promise<void> | undefined;

  constructor(t: ExecutionContext, log: EventLog, from: Position = NO_POSITION) {
    this.ended = this.#follow(log, from);
    // Avoids an unhandled rejection. Code that awaits `ended` still gets the error.
    this.ended.catch(() => undefined);
    t.teardown(() => this.#abort.abort());
  }

  async reach(count: number): Promise<void> {
    await Promise.race([
      until(`${count} records`, () => this.positions.length >= count, 60_000),
      this.ended.then(() => Promise.reject(new Error("the tail ended"))),
    ]);
  }

  /** Takes one more record, and further ones only after the returned function has been called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = promise;
    return resolve;
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.ended;
  }

  async #follow(log: EventLog, from: Position): Promise<void> {
    for await (const { position } of log.tail("cart", 0, from, this.#abort.signal)) {
      this.positions.push(position);
      await this.#held;
    }
  }
}

natsTest("nothing is lost or doubled when the server is killed while it is followed", async (t) => {
  const server = await startServer(t);
  const [log, writer] = [
    await openLog(t, addressOf(server), QUICK),
    await openLog(t, addressOf(server), QUICK),
  ];
  const before = await appendMany(writer, "before", 300);
  const follower = new Follower(t, log);
  await follower.reach(100);
  await server.kill("SIGKILL");
  await server.restart();
  const after = await appendMany(writer, "after", 300);
  await follower.reach(600);
  await follower.stop();
  t.deepEqual(follower.positions, [...before, ...after]);
});

natsTest("nothing is lost or doubled when connections break in every way, over and over", async (t) => {
  const seed = Math.floor(Math.random() * 1_000_000);
  t.log(`seed ${seed}`);
  const server = await startServer(t);
  const network = await startFaultProxy(server.port, seededRandom(seed));
  t.teardown(() => network.close());
  const broken = { ...QUICK, requestTimeoutMs: 2_000 };
  const log = await openLog(t, `127.0.0.1:${network.port}`, broken);
  const writer = await openLog(t, addressOf(server), QUICK);
  const follower = new Follower(t, log);
  const expected: Position[] = [];
  const breaks = [() => network.resetAll(), () => network.cut(), () => network.loseAnswers()];
  for (let round = 0; round < 24; round++) {
    const appended = appendMany(writer, `round ${round}`, 200);
    // Breaks the connections in the middle of a page in even rounds, and while the next page is awaited in odd ones.
    if (round % 2 === 0) await follower.reach(expected.length + 20);
    else expected.push(...(await appended));
    breaks[round % breaks.length]?.();
    if (round % 2 === 0) expected.push(...(await appended));
    network.heal();
  }
  await follower.reach(expected.length);
  await follower.stop();
  t.deepEqual(follower.positions, expected);
});

natsTest("a reader that is slow is given no more than two pages ahead, and then all", async (t) => {
  const server = await startServer(t);
  const { manager } = await adminOf(t, server);
  const log = await openLog(t, addressOf(server), { ...PATIENT, pageRecords: 10 });
  const follower = new Follower(t, log);
  const release = follower.hold();
  const expected = await appendMany(log, "many", 200);
  await follower.reach(1);
  const [name] = await consumersOf(manager);
  await until("a page is delivered", async () => (await deliveredTo(manager, name)) >= 10);
  t.true((await deliveredTo(manager, name)) <= 20);
  release();
  await follower.reach(200);
  t.deepEqual(follower.positions, expected);
});

for (const [which, count] of [
  ["messages", 30],
  ["the last messages", 8],
] as const) {
  natsTest(`${which} that their consumer gave and that never came are given by another`, async (t) => {
    const server = await startServer(t);
    const { manager, client } = await adminOf(t, server);
    const log = await openLog(t, addressOf(server), { ...QUICK, tailHeartbeatMs: 2_000, pageRecords: 5 });
    const expected = await appendMany(log, "stolen", count);
    const follower = new Follower(t, log);
    const release = follower.hold();
    await follower.reach(1);
    const [name = ""] = await consumersOf(manager);
    await until("a page is delivered", async () => (await deliveredTo(manager, name)) === 5);
    const thief = await client.consumers.get(`${PREFIX}_ev_0`, name);
    for await (const message of await thief.fetch({ max_messages: 3 })) t.true(message.seq > 5);
    release();
    await follower.reach(count);
    t.deepEqual(follower.positions, expected);
    t.notDeepEqual(await consumersOf(manager), [name]);
  });
}

natsTest("a consumer that the server forgot is made again, behind what was read", async (t) => {
  const server = await startServer(t);
  const { manager } = await adminOf(t, server);
  const log = await openLog(t, addressOf(server), { ...QUICK, pageRecords: 5 });
  const expected = await appendMany(log, "first", 7);
  const follower = new Follower(t, log);
  await follower.reach(7);
  // Deletes the consumer once while the tail waits for records, and once while its reader is busy.
  await deleteConsumers(manager);
  expected.push(...(await appendMany(log, "second", 3)));
  await follower.reach(10);
  const release = follower.hold();
  expected.push(...(await appendMany(log, "third", 20)));
  await follower.reach(11);
  await deleteConsumers(manager);
  release();
  await follower.reach(30);
  await follower.stop();
  t.deepEqual(follower.positions, expected);
});

natsTest("a server that is silent for a while is waited for", async (t) => {
  const server = await startServer(t);
  const log = await openLog(t, addressOf(server), { ...QUICK, requestTimeoutMs: 1_000 });
  const writer = await openLog(t, addressOf(server), QUICK);
  const expected = await appendMany(writer, "before", 5);
  const follower = new Follower(t, log);
  await follower.reach(5);
  process.kill(server.pid, "SIGSTOP");
  // Longer than the tail waits for its consumer.
  await new Promise((resolve) => setTimeout(resolve, 600));
  process.kill(server.pid, "SIGCONT");
  expected.push(...(await appendMany(writer, "after", 5)));
  await follower.reach(10);
  t.deepEqual(follower.positions, expected);
});

natsTest("I11: records larger than a page are given too, one at a time", async (t) => {
  const log = await openLog(t, addressOf(await sharedServer()), { ...QUICK, pageBytes: 1_000 }, own());
  const follower = new Follower(t, log);
  const expected: Position[] = [];
  for (const size of [1, 5_000, 900, 900, 100_000, 100_000, 1]) {
    expected.push(
      await log.append({ type: "cart", id: `${expected.length}` }, NO_POSITION, new Uint8Array(size)),
    );
  }
  await follower.reach(7);
  await follower.stop();
  t.deepEqual(follower.positions, expected);
});

natsTest("ten tails follow what another log appends, and leave no consumer behind at the end", async (t) => {
  const server = await startServer(t);
  const { manager } = await adminOf(t, server);
  const [log, writer] = [
    await openLog(t, addressOf(server), PATIENT),
    await openLog(t, addressOf(server), QUICK),
  ];
  const followers = Array.from({ length: 10 }, () => new Follower(t, log));
  const expected = await appendMany(writer, "many", 1_000);
  await Promise.all(followers.map((follower) => follower.reach(1_000)));
  for (const { positions } of followers) t.deepEqual(positions, expected);
  t.is((await consumersOf(manager)).length, 10);
  const [first, ...others] = followers;
  await first?.stop();
  await until("its consumer is gone", async () => (await consumersOf(manager)).length === 9);
  await log.close();
  t.deepEqual(await consumersOf(manager), []);
  for (const { ended } of others) await t.throwsAsync(ended, { message: /is closed/ });
});

natsTest("I6: a stream that ends before the position it is followed from has lost records", async (t) => {
  const log = await openLog(t, addressOf(await sharedServer()), QUICK, own());
  const [last = 0] = (await appendMany(log, "one", 1)).slice(-1);
  const { ended } = new Follower(t, log, last + 1);
  const error = await t.throwsAsync(ended, { instanceOf: EventLogError });
  t.is(error.code, "LOG_CORRUPT");
  t.regex(error.message, /_ev_0: it ends at sequence 1, before 2.* has lost records/);
});

natsTest("a stream that is deleted ends its tails with what to do", async (t) => {
  const server = await startServer(t);
  const { manager } = await adminOf(t, server);
  const log = await openLog(t, addressOf(server), QUICK);
  const follower = new Follower(t, log);
  await appendMany(log, "one", 1);
  await follower.reach(1);
  await manager.streams.delete(`${PREFIX}_ev_0`);
  const error = await t.throwsAsync(follower.ended, { instanceOf: EventLogError });
  t.is(error.code, "LOG_UNAVAILABLE");
  t.regex(error.message, /stream is gone: restore it/);
});

natsTest("a missing permission to follow is named", async (t) => {
  const more = `
    authorization { users: [
      { user: admin, password: a }
      { user: a, password: r, permissions: { publish: { deny: ["$JS.API.CONSUMER.CREATE.>"] } } }
      { user: b, password: r, permissions: { publish: { deny: ["$JS.API.CONSUMER.MSG.NEXT.>"] } } }
    ] }`;
  const server = await startServer(t, { more });
  for (const [user, subject] of [
    ["a", /publish to "\$JS\.API\.CONSUMER\.CREATE\.p_ev_0/],
    ["b", /publish to "\$JS\.API\.CONSUMER\.MSG\.NEXT\.p_ev_0/],
  ] as const) {
    const credentials = { kind: "password", user, password: "r" } as const;
    const { ended } = new Follower(t, await openLog(t, addressOf(server), { ...QUICK, credentials }));
    const error = await t.throwsAsync(ended, { instanceOf: EventLogError, message: subject });
    t.is(error.code, "LOG_UNUSABLE");
  }
});

function sharedServer(): Promise<NatsServer> {
  shared ??= startNatsServer();
  return shared;
}

/** A prefix that no other test of the shared server has. */
function own(): string {
  return `own${++lastPrefix}`;
}

async function adminOf(
  t: ExecutionContext,
  server: NatsServer,
): Promise<{ readonly manager: JetStreamManager; readonly client: JetStreamClient }> {
  const connection = await connect({ servers: [addressOf(server)] });
  t.teardown(() => connection.close());
  return { manager: await jetstreamManager(connection, { timeout: 30_000 }), client: jetstream(connection) };
}

async function consumersOf(manager: JetStreamManager): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of manager.consumers.list(`${PREFIX}_ev_0`)) names.push(name);
  return names.sort();
}

async function deleteConsumers(manager: JetStreamManager): Promise<void> {
  for (const name of await consumersOf(manager)) await manager.consumers.delete(`${PREFIX}_ev_0`, name);
}

async function deliveredTo(manager: JetStreamManager, name = ""): Promise<number> {
  return (await manager.consumers.info(`${PREFIX}_ev_0`, name)).delivered.consumer_seq;
}

/** Appends the first records of `count` entities. Returns their positions in order. */
async function appendMany(log: EventLog, name: string, count: number): Promise<Position[]> {
  const append = (index: number) =>
    log.append({ type: "cart", id: `${name} ${index}` }, NO_POSITION, new Uint8Array(100));
  const positions = await Promise.all(Array.from({ length: count }, (_, index) => append(index)));
  return positions.sort((a, b) => a - b);
}
