// SPDX-License-Identifier: Apache-2.0

import type { JetStreamManager } from "@nats-io/jetstream";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { connect } from "@nats-io/transport-node";
import type { ExecutionContext } from "ava";
import test from "ava";

import type { Logger } from "../../base/mod.ts";
import { logsOnly } from "../../telemetry/mod.ts";

import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import { RELAXED_LOG } from "../../../test/lib/nats/relaxed.ts";
import type { NatsServer } from "../../../test/lib/nats/server.ts";
import { startNatsServer } from "../../../test/lib/nats/server.ts";
import type { EntityKey, EventLog, HistoryPage, Position } from "../event-log.ts";
import { EventLogError, NO_POSITION } from "../event-log.ts";
import { Appender } from "./appender.ts";
import { Author } from "./author.ts";
import { connectLink } from "./connect.ts";
import { openJetStreamLog } from "./log.ts";
import type { JetStreamLogOptions } from "./options.ts";
import { defaultJetStreamOptions } from "./options.ts";
import { PackStore } from "./pack-store.ts";
import { Publisher } from "./publisher.ts";
import { Reader } from "./reader.ts";
import { prepareStreams } from "./streams.ts";

let shared: Promise<NatsServer> | undefined;
let lastLog = 0;

test.after.always(async () => {
  await (await shared)?.stop();
});

const ann: EntityKey = { type: "cart", id: "ann" };
const ANN = "sn.0.cart.ann";

interface World {
  readonly server: NatsServer;
  readonly prefix: string;
  readonly log: EventLog;
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  readonly warnings: string[];
  open(options?: Partial<JetStreamLogOptions>): Promise<EventLog>;
  /** Sequence of the message on ann's subject in the snapshot stream; 0 if there is none. */
  packed(): Promise<number>;
}

async function world(t: ExecutionContext, options: Partial<JetStreamLogOptions> = {}): Promise<World> {
  shared ??= startNatsServer();
  const server = await shared;
  const prefix = `pack-${++lastLog}`;
  const address = { server: `127.0.0.1:${server.port}`, prefix };
  const warnings: string[] = [];
  const logger: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: (message) => warnings.push(message),
    error: () => undefined,
  };
  const open = async (more: Partial<JetStreamLogOptions> = {}) => {
    const log = await openJetStreamLog(address, {
      ...RELAXED_LOG,
      streams: 1,
      connectTimeoutMs: 30_000,
      telemetry: logsOnly(logger),
      ...more,
    });
    t.teardown(() => log.close());
    return log;
  };
  const connection = await connect({ servers: [address.server] });
  t.teardown(() => connection.close());
  const manager = await jetstreamManager(connection, { timeout: 30_000 });
  const packed = async () =>
    (await manager.streams.getMessage(`${prefix}_sn_0`, { last_by_subj: `${prefix}.${ANN}` }))?.seq ?? 0;
  return { server, prefix, connection, manager, warnings, open, packed, log: await open(options) };
}

/** Appends `count` records after a position. Their texts are numbered from `first` on. */
async function fill(log: EventLog, count: number, first = 0, behind = NO_POSITION): Promise<Position> {
  let last = behind;
  for (let i = first; i < first + count; i++) last = await log.append(ann, last, Buffer.from(`record ${i}`));
  return last;
}

const textsOf = ({ records }: HistoryPage) => records.map(({ bytes }) => Buffer.from(bytes).toString());
const numbered = (count: number) => Array.from({ length: count }, (_, i) => `record ${i}`);

/** The number of messages that the named connection sends to the server during `work`. */
async function requestsOf(
  t: ExecutionContext,
  server: NatsServer,
  name: string,
  work: () => Promise<unknown>,
) {
  const asked = async (): Promise<number> => {
    const answer = await fetch(`${server.monitorUrl}/connz`);
    const { connections } = (await answer.json()) as { connections: { name?: string; in_msgs: number }[] };
    return connections.find((one) => one.name === name)?.in_msgs ?? t.fail(`no connection ${name}`);
  };
  const before = await asked();
  await work();
  return (await asked()) - before;
}

natsTest(
  "eight records that are not packed are worth a pack, seven are not; a pack is one message",
  async (t) => {
    const { log, packed, manager, prefix } = await world(t);
    let last = await fill(log, 7);
    await log.pack(ann);
    t.is(await packed(), 0);
    last = await fill(log, 1, 7, last);
    await log.pack(ann);
    t.is(await packed(), 1);
    await log.pack(ann);
    last = await fill(log, 7, 8, last);
    await log.pack(ann);
    t.is(await packed(), 1);
    await fill(log, 1, 15, last);
    await log.pack(ann);
    t.is(await packed(), 2);
    t.is((await manager.streams.info(`${prefix}_sn_0`)).state.messages, 1);
    t.deepEqual(textsOf(await log.read(ann)), numbered(16));
  },
);

natsTest(
  "a read asks twice, at once, if the pack has all records, or all but one; more often without",
  async (t) => {
    const { log, server, prefix } = await world(t);
    const requests = (work = () => log.read(ann)) => requestsOf(t, server, `perdure ${prefix} reads`, work);
    const last = await fill(log, 40);
    t.is(await requests(), 3);
    await log.pack(ann);
    t.is(await requests(), 2);
    await fill(log, 1, 40, last);
    t.is(await requests(), 2);
    t.deepEqual(textsOf(await log.read(ann)), numbered(41));
  },
);

natsTest("a lost pack costs time only, and the next one is written", async (t) => {
  const { log, packed, manager, prefix } = await world(t);
  const last = await fill(log, 10);
  await log.saveSnapshot(ann, last, Buffer.from("state"));
  await fill(log, 10, 10, last);
  await log.pack(ann);
  const before = await log.read(ann);
  t.is(before.snapshot?.position, last);
  await manager.streams.purge(`${prefix}_sn_0`);
  t.deepEqual(textsOf(await log.read(ann)), numbered(20));
  await log.pack(ann);
  t.not(await packed(), 0);
  t.deepEqual(textsOf(await log.read(ann)), numbered(20));
});

natsTest(
  "a damaged pack is told once per read and the records are read; the next pack replaces it",
  async (t) => {
    const { log, packed, manager, prefix, connection, warnings } = await world(t);
    const last = await fill(log, 10);
    await log.pack(ann);
    const stream = `${prefix}_sn_0`;
    const good = await manager.streams.getMessage(stream, { seq: await packed() });
    const bytes = Uint8Array.from(good?.data ?? []);
    for (const bad of [bytes.with(100, 0xff), new Uint8Array(), bytes.subarray(0, 50)]) {
      await connection.request(`${prefix}.${ANN}`, bad, { timeout: 30_000 });
      warnings.length = 0;
      t.deepEqual(textsOf(await log.read(ann)), numbered(10));
      t.deepEqual(warnings, ["event log: a snapshot is damaged; the records are read instead"]);
    }
    await log.pack(ann);
    warnings.length = 0;
    t.deepEqual(textsOf(await log.read(ann)), numbered(10));
    await connection.request(`${prefix}.${ANN}`, new Uint8Array(3), { timeout: 30_000 });
    await log.saveSnapshot(ann, last, Buffer.from("state"));
    t.is((await log.read(ann)).snapshot?.position, last);
    t.is(warnings.length, 1);
  },
);

natsTest("(I11) a history that is too large for a pack, a page or the server is not packed", async (t) => {
  const { open, packed, log } = await world(t);
  const last = await fill(log, 20);
  for (const options of [{ maxPackBytes: 100 }, { pageRecords: 19 }]) {
    await (await open(options)).pack(ann);
    t.is(await packed(), 0);
  }
  // A pack that was made before the history grew too large is still used.
  await log.pack(ann);
  const [small, sequence] = [await open({ maxPackBytes: 600 }), await packed()];
  t.is(sequence, 1);
  await fill(log, 20, 20, last);
  await small.pack(ann);
  t.is(await packed(), sequence);
  t.deepEqual(textsOf(await small.read(ann)), numbered(40));
  // The snapshot of a large state is stored without packed records.
  await small.saveSnapshot(ann, last, new Uint8Array(1_000));
  const { snapshot, records } = await small.read(ann);
  t.is(snapshot?.bytes.length, 1_000);
  t.is(records.length, 20);
});

natsTest("(8, I11) a pack that is more than a page of the reader's comes in pages", async (t) => {
  const { log, open } = await world(t);
  await fill(log, 20);
  await log.pack(ann);
  const paged = await open({ pageRecords: 6 });
  const texts: string[] = [];
  let page = await paged.read(ann);
  for (;;) {
    t.true(page.records.length <= 6);
    texts.push(...textsOf(page));
    if (page.end) break;
    page = await paged.read(ann, page.records.at(-1)?.position ?? NO_POSITION);
  }
  t.deepEqual(texts, numbered(20));
});

natsTest("(I6) a pack that is ahead of the records is refused: the stream has lost its end", async (t) => {
  const { log, open, manager, prefix } = await world(t);
  const stream = `${prefix}_ev_0`;
  const { config } = await manager.streams.info(stream);
  await manager.streams.delete(stream);
  await manager.streams.add({ ...config, deny_delete: false });
  const last = await fill(log, 10);
  await log.pack(ann);
  await manager.streams.deleteMessage(stream, last);
  const reader = await open();
  const error = await t.throwsAsync(reader.read(ann), { instanceOf: EventLogError });
  t.is(error.code, "LOG_CORRUPT");
  t.regex(
    error.message,
    new RegExp(`stream ${stream}, sequence ${last - 1}: .*${prefix}_sn_0 knows of those up to ${last}`),
  );
  await reader.pack(ann);
  await manager.streams.purge(`${prefix}_sn_0`);
  t.deepEqual(textsOf(await reader.read(ann)), numbered(9));
});

natsTest("a packer that was away for a while does not replace a newer pack, nor a snapshot", async (t) => {
  const { log, server, prefix, packed } = await world(t);
  const last = await fill(log, 10);
  const options = { ...defaultJetStreamOptions, ...RELAXED_LOG, streams: 1 };
  const link = await connectLink(`127.0.0.1:${server.port}`, "zombie", options);
  t.teardown(() => link.close());
  const facts = await prepareStreams(link.connection, prefix, options);
  const reader = new Reader(link, options, facts);
  const publisher = new Publisher(link, options);
  const appender = new Appender(publisher, reader, options, () => undefined);
  const zombie = new PackStore(reader, appender, publisher, new Author(), options);
  const place = facts.layout.placeOf(ann);

  const found = await zombie.find(ann, place);
  await log.pack(ann);
  const sequence = await packed();
  await zombie.replace(ann, place, found, found.pack);
  t.is(await packed(), sequence);

  const later = await zombie.find(ann, place);
  await log.saveSnapshot(ann, last, Buffer.from("state"));
  await zombie.replace(ann, place, later, later.pack);
  t.is((await log.read(ann)).snapshot?.position, last);
});
