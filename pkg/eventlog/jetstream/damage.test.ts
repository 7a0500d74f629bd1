// SPDX-License-Identifier: Apache-2.0

import type { JetStreamManager } from "@nats-io/jetstream";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { connect, headers } from "@nats-io/transport-node";
import type { ExecutionContext } from "ava";

import { flipBit } from "../../../test/lib/damage.ts";
import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import { RELAXED_LOG } from "../../../test/lib/nats/relaxed.ts";
import type { NatsServer } from "../../../test/lib/nats/server.ts";
import { startNatsServer } from "../../../test/lib/nats/server.ts";
import type { EntityKey, EventLog, Position } from "../event-log.ts";
import { EventLogError, NO_POSITION } from "../event-log.ts";
import { openJetStreamLog } from "./log.ts";
import { FENCE } from "./publisher.ts";

const ann: EntityKey = { type: "cart", id: "ann" };
const bob: EntityKey = { type: "cart", id: "bob" };

interface World {
  readonly server: NatsServer;
  readonly log: EventLog;
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
}

/**
 * Opens a log with one stream of each kind. Its event stream allows deleting a record, which the log itself forbids.
 */
async function world(t: ExecutionContext): Promise<World> {
  const server = await startNatsServer();
  t.teardown(() => server.stop());
  const address = { server: `127.0.0.1:${server.port}`, prefix: "p" };
  const patient = { ...RELAXED_LOG, connectTimeoutMs: 30_000, requestTimeoutMs: 30_000 };
  const connection = await connect({ servers: [address.server], reconnectTimeWait: 20 });
  t.teardown(() => connection.close());
  const manager = await jetstreamManager(connection, { timeout: 30_000 });
  await (await openJetStreamLog(address, { ...patient, streams: 1 })).close();
  const { config } = await manager.streams.info("p_ev_0");
  await manager.streams.delete("p_ev_0");
  await manager.streams.add({ ...config, deny_delete: false });
  const log = await openJetStreamLog(address, { ...patient, reconnectDelayMs: 20 });
  t.teardown(() => log.close());
  return { server, log, connection, manager };
}

/** Appends records of the entity, each after one of another entity, so that its positions have gaps. */
async function fill(log: EventLog, entity: EntityKey, texts: readonly string[]): Promise<Position[]> {
  const positions: Position[] = [];
  let other = NO_POSITION;
  for (const text of texts) {
    other = await log.append({ ...entity, id: `beside ${entity.id}` }, other, Buffer.from("between"));
    positions.push(await log.append(entity, positions.at(-1) ?? NO_POSITION, Buffer.from(text)));
  }
  return positions;
}

async function corrupt(t: ExecutionContext, read: Promise<unknown>, text: RegExp): Promise<void> {
  const error = await t.throwsAsync(read, { instanceOf: EventLogError });
  t.is(error.code, "LOG_CORRUPT");
  t.regex(error.message, text);
}

const textsOf = async (log: EventLog, entity: EntityKey) =>
  (await log.read(entity)).records.map(({ bytes }) => Buffer.from(bytes).toString());

/** Reads again while the connection is not back yet. AVA's time-out bounds it. */
async function connected(log: EventLog): Promise<void> {
  for (;;) {
    try {
      await log.read({ type: "cart", id: "nobody" });
      return;
    } catch (thrown) {
      if (!(thrown instanceof EventLogError) || thrown.code !== "LOG_UNAVAILABLE") throw thrown;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

natsTest(
  "(I6) a record that is gone from the middle of a stream is named by the one behind it",
  async (t) => {
    const { log, manager } = await world(t);
    const [first, second, third, fourth] = (await fill(log, ann, ["a", "b", "c", "d"])) as [
      number,
      number,
      number,
      number,
    ];
    const bobs = await fill(log, bob, ["x", "y"]);
    await manager.streams.deleteMessage("p_ev_0", third);
    const gone = new RegExp(
      `^cart/ann: stream p_ev_0, sequence ${third}: the record is gone; ${fourth} follows it, .*${second} is the last.*Restore`,
    );
    await corrupt(t, log.read(ann), gone);
    await corrupt(t, log.read(ann, first), gone);
    t.is((await log.read(ann, third)).records.length, 1);
    t.deepEqual(await textsOf(log, bob), ["x", "y"]);
    await log.append(bob, bobs[1] ?? 0, Buffer.from("z"));

    // A snapshot at the position of the lost record replaces it.
    await log.saveSnapshot(ann, third, Buffer.from("state"));
    t.deepEqual(await textsOf(log, ann), ["d"]);
    await manager.streams.deleteMessage("p_ev_0", fourth);
    await manager.streams.deleteMessage("p_ev_0", second);
  },
);

natsTest("(I6) the first record and a whole beginning are missed as well", async (t) => {
  const { log, manager } = await world(t);
  const [first, second] = (await fill(log, ann, ["a", "b", "c"])) as [number, number, number];
  await manager.streams.deleteMessage("p_ev_0", first);
  await corrupt(
    t,
    log.read(ann),
    new RegExp(`sequence ${first}: the record is gone; ${second} .*nothing is the last`),
  );
  await manager.streams.deleteMessage("p_ev_0", second);
  await corrupt(t, log.read(ann), new RegExp(`sequence ${second}: the record is gone`));
});

natsTest(
  "(I6) a snapshot newer than the last record is refused with what to do, and that helps",
  async (t) => {
    const { log, manager } = await world(t);
    const [, second, third] = (await fill(log, ann, ["a", "b", "c"])) as [number, number, number];
    await log.saveSnapshot(ann, third, Buffer.from("state"));
    await manager.streams.deleteMessage("p_ev_0", third);
    const text = `^cart/ann: stream p_ev_0, sequence ${second}: .*p_sn_0 knows of those up to ${third}.*older backup`;
    await corrupt(t, log.read(ann), new RegExp(text));
    await manager.streams.purge("p_sn_0", { filter: "p.sn.0.cart.ann" });
    t.deepEqual(await textsOf(log, ann), ["a", "b"]);
    await log.append(ann, second, Buffer.from("d"));
  },
);

natsTest("(I6) a flipped byte is found: in the middle, in the last record, in the only one", async (t) => {
  const { server, log } = await world(t);
  const [first, second, third] = (await fill(log, ann, ["one", "middle", "last"])) as [
    number,
    number,
    number,
  ];
  const [alone] = (await fill(log, bob, ["alone"])) as [number];
  await fill(log, { type: "cart", id: "cat" }, ["unharmed"]);
  const cases = [
    ["middle", ann, `^cart/ann: stream p_ev_0, sequence ${second}: the record is gone; ${third} follows it`],
    ["last", ann, `^cart/ann: stream p_ev_0, sequence ${third}: the server cannot read the record`],
    ["one", ann, `^cart/ann: stream p_ev_0, sequence ${first}: the record is gone; ${second} follows it`],
    ["alone", bob, `^cart/bob: stream p_ev_0, sequence ${alone}: the server cannot read the record`],
  ] as const;
  for (const [text, entity, expected] of cases) {
    const restore = await flipBit(server, Buffer.from(text));
    await connected(log);
    await corrupt(t, log.read(entity), new RegExp(expected));
    t.deepEqual(await textsOf(log, { type: "cart", id: "cat" }), ["unharmed"]);
    await restore();
    await connected(log);
    t.true((await textsOf(log, entity)).includes(text));
  }
});

natsTest("(I6) bytes that the server believes and we did not write are refused by sequence", async (t) => {
  const { log, connection, manager } = await world(t);
  const [, last] = (await fill(log, ann, ["a", "b"])) as [number, number];
  const good = await manager.streams.getMessage("p_ev_0", { seq: last });
  const fence = headers();
  fence.set(FENCE, `${last}`);
  const bad = Uint8Array.from(good?.data ?? []).with(21, 0xff);
  await connection.request("p.ev.0.cart.ann", bad, { headers: fence, timeout: 30_000 });
  const sequence = (await manager.streams.info("p_ev_0")).state.last_seq;
  await corrupt(
    t,
    log.read(ann),
    new RegExp(`^cart/ann: stream p_ev_0, sequence ${sequence}: the message is damaged`),
  );
  t.is((await log.read({ type: "cart", id: "beside ann" })).records.length, 2);

  // The bytes are ours, but belong to another position, as if a part of the stream had been restored in another
  // order.
  await manager.streams.deleteMessage("p_ev_0", sequence);
  await connection.request("p.ev.0.cart.ann", good?.data ?? "", { timeout: 30_000 });
  await corrupt(
    t,
    log.read(ann),
    /sequence \d+: the record does not tell what it follows, but sequence \d+ is before it/,
  );
  await manager.streams.deleteMessage("p_ev_0", (await manager.streams.info("p_ev_0")).state.last_seq);
  t.deepEqual(await textsOf(log, ann), ["a", "b"]);
});
