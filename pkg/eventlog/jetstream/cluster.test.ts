// SPDX-License-Identifier: Apache-2.0

import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import test from "ava";

import type { NatsCluster } from "../../../test/lib/nats/cluster.ts";
import { startNatsCluster } from "../../../test/lib/nats/cluster.ts";
import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import { RELAXED_LOG } from "../../../test/lib/nats/relaxed.ts";
import { until } from "../../../test/lib/until.ts";
import { eventLogContract } from "../contract.ts";
import type { EventLog } from "../event-log.ts";
import { NO_POSITION } from "../event-log.ts";
import { openJetStreamLog } from "./log.ts";
import { addressOf, openLog, PATIENT, refused } from "./test-lib/logs.ts";

let shared: Promise<NatsCluster> | undefined;
let lastLog = 0;

test.after.always(async () => {
  await (await shared)?.stop();
});

/** The fence and the view of what was acknowledged must hold when any of three servers may answer a read. */
eventLogContract(natsTest, "jetstream, three copies", async (limits) => {
  shared ??= startNatsCluster(3);
  const { servers } = await shared;
  const prefix = `contract-${++lastLog}`;
  const port = servers[lastLog % servers.length]?.port ?? 0;
  const address = { server: `127.0.0.1:${port}`, prefix };
  const options = { ...limits, ...RELAXED_LOG, streams: 2, packRecords: 2, replicas: 3, ...PATIENT };
  const log = await openJetStreamLog(address, options);
  return {
    log,
    afterCrash: () => openJetStreamLog(address, options),
    dispose: () => log.close(),
  };
});

natsTest(
  "more copies than there are servers: unavailable, since servers may come, and the text has both",
  async (t) => {
    shared ??= startNatsCluster(3);
    const [first] = (await shared).servers;
    const opening = openLog(t, addressOf(first!), { replicas: 5, requestTimeoutMs: 30_000 }, "five");
    const { message } = await refused(t, opening, "LOG_UNAVAILABLE");
    t.regex(
      message,
      /the streams of five, with 5 copies each: there are not as many servers now as copies are asked for/,
    );
  },
);

natsTest(
  "a tail goes on, losing and doubling nothing, when the stream's leader dies, and its consumer's server",
  async (t) => {
    const cluster = await startNatsCluster(3);
    t.teardown(() => cluster.stop());
    const server = cluster.servers.map(addressOf).join(",");
    const options = { streams: 1, replicas: 3, appendDeadlineMs: 60_000, tailHeartbeatMs: 500 };
    const log = await openLog(t, server, options, "tail");
    const connection = await connect({ servers: cluster.urls, maxReconnectAttempts: -1 });
    t.teardown(() => connection.close());
    const manager = await jetstreamManager(connection, { timeout: 30_000 });
    const leader = async (): Promise<string | undefined> =>
      (await manager.streams.info("tail_ev_0")).cluster?.leader;
    const holder = async (): Promise<string | undefined> => {
      for await (const { cluster: where } of manager.consumers.list("tail_ev_0")) return where?.leader;
      return undefined;
    };

    const seen: number[] = [];
    const abort = new AbortController();
    const followed = (async () => {
      const records = log.tail("cart", 0, NO_POSITION, abort.signal);
      for await (const { position } of records) seen.push(position);
    })();
    // Avoids an unhandled rejection if the test fails for another reason, because that closes the log first.
    followed.catch(() => undefined);
    const expected = await appendMany(log, "before", 100);
    for (const [round, find] of [leader, holder].entries()) {
      await until("all is seen", () => seen.length === expected.length, 60_000);
      const dead = cluster.server((await find()) ?? "");
      await dead.kill("SIGKILL");
      expected.push(...(await appendMany(log, `after ${round}`, 100)));
      await until("all is seen", () => seen.length === expected.length, 60_000);
      await dead.restart();
      await cluster.ready();
    }
    abort.abort();
    await followed;
    t.deepEqual(seen, expected);
  },
);

/** Appends the first records of `count` entities, one after the other. Returns their positions. */
async function appendMany(log: EventLog, name: string, count: number): Promise<number[]> {
  const positions: number[] = [];
  for (let index = 0; index < count; index++) {
    const entity = { type: "cart", id: `${name} ${index}` };
    positions.push(await log.append(entity, NO_POSITION, new Uint8Array(100)));
  }
  return positions;
}
