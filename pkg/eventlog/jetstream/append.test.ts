// SPDX-License-Identifier: Apache-2.0

import type { AddressInfo, Socket } from "node:net";
import { connect as connectSocket, createServer } from "node:net";

import type { ExecutionContext } from "ava";

import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import { RELAXED_LOG } from "../../../test/lib/nats/relaxed.ts";
import { until } from "../../../test/lib/until.ts";
import type { EventLog } from "../event-log.ts";
import { NO_POSITION } from "../event-log.ts";
import { openJetStreamLog } from "./log.ts";
import type { JetStreamLogOptions } from "./options.ts";
import { eventually, refused, startServer } from "./test-lib/logs.ts";

const ann = { type: "cart", id: "ann" };
const one = new Uint8Array([1]);
const two = new Uint8Array([2]);

/** Short times, so that a test does not wait long for an answer that does not come. */
const IMPATIENT: Partial<JetStreamLogOptions> = { requestTimeoutMs: 500, reconnectDelayMs: 20 };

/** Long enough for the log to read within it on a busy machine, where the test needs what the read finds. */
const CALM: Partial<JetStreamLogOptions> = { requestTimeoutMs: 4_000, reconnectDelayMs: 20 };

natsTest("(I5) appends that are under way when the server is killed are stored once each", async (t) => {
  const server = await startServer(t);
  const log = await openLog(t, server.port, { reconnectDelayMs: 20 });
  const last = await fill(log, 200);
  const appended = Promise.all(
    [...last].map(([id, position]) => log.append({ type: "cart", id }, position, two)),
  );
  await server.kill();
  const during = log.append(ann, NO_POSITION, one);
  await server.restart();
  const positions = await appended;
  await until("it can be read again", () =>
    log.read(ann).then(
      () => true,
      () => false,
    ),
  );
  t.is((await log.read(ann)).records[0]?.position, await during);
  await storedOnce(t, log, [...last.keys()], positions);
});

natsTest("(I5) appends that a stopped server takes after they timed out are stored once each", async (t) => {
  const server = await startServer(t);
  const log = await openLog(t, server.port, IMPATIENT);
  const last = await fill(log, 50);
  await server.kill("SIGSTOP");
  const appended = Promise.all(
    [...last].map(([id, position]) => log.append({ type: "cart", id }, position, two)),
  );
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await server.kill("SIGCONT");
  await storedOnce(t, log, [...last.keys()], await appended);
});

natsTest("(I5) an append whose answer is lost is found in the log by its mark", async (t) => {
  const server = await startServer(t);
  const relay = await startRelay(t, server.port);
  const log = await openLog(t, relay.port, IMPATIENT);
  const first = await log.append(ann, NO_POSITION, one);
  relay.holdAnswers();
  // The log finds its record by the mark. The same bytes by another writer would not count.
  const appended = log.append(ann, first, one);
  t.is(await appended, first + 1);
  t.is((await log.read(ann)).records.length, 2);

  const snapshot = log.saveSnapshot(ann, first, two);
  await until("the snapshot is stored", async () => (await log.read(ann)).snapshot !== undefined);
  relay.cut();
  await snapshot;
  t.is(await log.append(ann, first + 1, one), first + 2);
});

natsTest("(I5) an append whose answer is lost after another one won has lost", async (t) => {
  const server = await startServer(t);
  const relay = await startRelay(t, server.port);
  const [log, other] = [await openLog(t, relay.port, IMPATIENT), await openLog(t, server.port)];
  relay.holdAnswers();
  await other.append(ann, NO_POSITION, one);
  const error = await refused(t, log.append(ann, NO_POSITION, one), "APPEND_CONFLICT");
  t.regex(error.message, /^cart\/ann: .*another's record stands at 1/);
  t.is((await other.read(ann)).records.length, 1);
});

natsTest("(I5) a replacement whose answer is lost is found by its mark, and stands alone", async (t) => {
  const server = await startServer(t);
  const relay = await startRelay(t, server.port);
  const log = await openLog(t, relay.port, IMPATIENT);
  const first = await log.replace(ann, NO_POSITION, one);
  relay.holdAnswers();
  t.is(await log.replace(ann, first, two), first + 1);
  t.deepEqual(await log.readLast(ann), { position: first + 1, bytes: two });
  t.is((await log.read(ann)).records.length, 1);
});

natsTest("(I5) a replacement in doubt that was itself replaced since: nobody can tell", async (t) => {
  const server = await startServer(t);
  const relay = await startRelay(t, server.port);
  const [log, other] = [await openLog(t, relay.port, IMPATIENT), await openLog(t, server.port)];
  relay.holdAnswers();
  const replaced = refused(t, log.replace(ann, NO_POSITION, one), "OUTCOME_UNKNOWN");
  await until("it is stored", async () => (await other.readLast(ann)) !== undefined);
  await other.replace(ann, 1, two);
  t.regex((await replaced).message, /what was there has been replaced by another's record at 2$/);
  t.deepEqual(await other.readLast(ann), { position: 2, bytes: two });
});

natsTest("(I5) an append that lands late, between its tries, is stored once", async (t) => {
  const server = await startServer(t);
  const relay = await startRelay(t, server.port);
  const log = await openLog(t, relay.port, IMPATIENT);
  relay.holdRequests();
  const appended = log.append(ann, NO_POSITION, one);
  // By then the log has tried several times, and the relay holds all tries.
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  relay.release();
  t.is(await appended, 1);
  t.is(await log.append(ann, 1, two), 2);
  t.is((await log.read(ann)).records.length, 2);
});

natsTest(
  "(I5) beyond the deadline the outcome is unknown, and what lands later obeys the fence",
  async (t) => {
    const server = await startServer(t);
    const relay = await startRelay(t, server.port);
    const log = await openLog(t, relay.port, { ...CALM, appendDeadlineMs: 400 });
    relay.holdRequests();
    const error = await refused(t, log.append(ann, NO_POSITION, one), "OUTCOME_UNKNOWN");
    t.regex(error.message, /^cart\/ann: no answer .* it is not there yet \(.*\) and may be stored$/);
    t.deepEqual((await log.read(ann)).records, []);
    relay.release();
    await until("it lands", async () => (await log.read(ann)).records.length > 0);
    // The log stored this record itself, but for the append before.
    await refused(t, log.append(ann, NO_POSITION, one), "APPEND_CONFLICT");
    t.is(await log.append(ann, 1, two), 2);
  },
);

natsTest(
  "without a server an append is tried until the deadline, and is then known not to be stored",
  async (t) => {
    const server = await startServer(t);
    const log = await openLog(t, server.port, { ...IMPATIENT, appendDeadlineMs: 300 });
    await server.kill();
    await until("the loss is noticed", () =>
      log.read(ann).then(
        () => false,
        () => true,
      ),
    );
    const startedMs = performance.now();
    await refused(t, log.append(ann, NO_POSITION, one), "LOG_UNAVAILABLE");
    t.true(performance.now() - startedMs >= 299);
  },
);

natsTest(
  "(I5) who may not look what is stored is told that the outcome is unknown; a plain conflict is none",
  async (t) => {
    const more = `authorization { timeout: 30, users: [
    { user: all, password: p }
    { user: blind, password: p, permissions: { publish: { deny: ["$JS.API.STREAM.MSG.GET.>"] } } }
  ] }`;
    const server = await startServer(t, { more });
    const relay = await startRelay(t, server.port);
    const as = (user: string) => ({ credentials: { kind: "password", user, password: "p" } }) as const;
    const other = await openLog(t, server.port, as("all"));
    const log = await openLog(t, relay.port, { ...CALM, ...as("blind") });
    const first = await log.append(ann, NO_POSITION, one);
    await refused(t, log.append(ann, NO_POSITION, one), "APPEND_CONFLICT");
    relay.holdAnswers();
    const appended = refused(t, log.append(ann, first, two), "OUTCOME_UNKNOWN");
    await until("it is stored", async () => (await other.read(ann)).records.length === 2);
    relay.cut();
    t.regex(
      (await appended).message,
      /cannot be looked up .*allow this user to publish to .*STREAM\.MSG\.GET/,
    );
  },
);

/** Passes bytes between logs and a server. What it can hold is on the connection that the newest log writes on. */
class Relay {
  readonly port: number;
  readonly #ways: readonly Way[];
  #held: Way | undefined;

  constructor(port: number, ways: readonly Way[]) {
    this.port = port;
    this.#ways = ways;
  }

  holdAnswers(): void {
    this.#writes().fromServer.pause();
  }

  holdRequests(): void {
    this.#writes().fromClient.pause();
  }

  release(): void {
    this.#held?.fromServer.resume();
    this.#held?.fromClient.resume();
  }

  /** Ends the connection that holds something; what it holds is lost. */
  cut(): void {
    this.#held?.fromServer.destroy();
    this.#held?.fromClient.destroy();
  }

  /** The connection on which the newest log writes: the last but one, because the last one is for reading. */
  #writes(): Way {
    const way = this.#ways.at(-2);
    if (way === undefined) throw new Error("no log is open");
    this.#held = way;
    return way;
  }
}

interface Way {
  readonly fromClient: Socket;
  readonly fromServer: Socket;
}

async function startRelay(t: ExecutionContext, serverPort: number): Promise<Relay> {
  const ways: Way[] = [];
  const listener = createServer((fromClient) => {
    const fromServer = connectSocket(serverPort, "127.0.0.1");
    ways.push({ fromClient, fromServer });
    for (const [from, to] of [
      [fromClient, fromServer],
      [fromServer, fromClient],
    ] as const) {
      from.on("data", (chunk) => to.write(chunk));
      from.on("error", () => undefined);
      from.on("close", () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    listener.close();
    for (const { fromClient } of ways) fromClient.destroy();
  });
  return new Relay((listener.address() as AddressInfo).port, ways);
}

async function openLog(
  t: ExecutionContext,
  port: number,
  options: Partial<JetStreamLogOptions> = {},
): Promise<EventLog> {
  // The first opening makes the streams, which is slow on a busy machine, so it has more time.
  const address = { server: `127.0.0.1:${port}`, prefix: "p" };
  const patient = { ...RELAXED_LOG, connectTimeoutMs: 30_000, ...options };
  await (await openJetStreamLog(address, { ...patient, requestTimeoutMs: 30_000 })).close();
  const log = await eventually(() => openJetStreamLog(address, patient));
  t.teardown(() => log.close());
  return log;
}

/** Appends the first record of `count` entities. Returns their positions by id. */
async function fill(log: EventLog, count: number): Promise<Map<string, number>> {
  const ids = Array.from({ length: count }, (_, index) => `e${index}`);
  const appended = ids.map(
    async (id) => [id, await log.append({ type: "cart", id }, NO_POSITION, one)] as const,
  );
  return new Map(await Promise.all(appended));
}

/** Checks that each entity has two records: that of `fill`, and one at the given position. */
async function storedOnce(
  t: ExecutionContext,
  log: EventLog,
  ids: readonly string[],
  positions: readonly number[],
): Promise<void> {
  for (const [index, id] of ids.entries()) {
    const { records } = await log.read({ type: "cart", id });
    t.deepEqual(
      records.map(({ bytes }) => [...bytes]),
      [[1], [2]],
      id,
    );
    t.is(records[1]?.position, positions[index]);
  }
}
