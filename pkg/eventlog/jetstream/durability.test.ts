// SPDX-License-Identifier: Apache-2.0

import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

import { startNatsCluster } from "../../../test/lib/nats/cluster.ts";
import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import { NO_POSITION } from "../event-log.ts";
import { addressOf, openLog, refused, startServer } from "./test-lib/logs.ts";

const ann = { type: "cart", id: "ann" };
const one = new Uint8Array([1]);

natsTest(
  "strict durability of one server is refused without, and given with, the operator's word",
  async (t) => {
    const server = addressOf(await startServer(t, { syncInterval: "always" }));
    const unknown = await refused(t, openLog(t, server, { durability: "strict" }), "LOG_UNUSABLE");
    t.regex(unknown.message, /PERDURE_LOG_SERVERS_SYNC=true/);
    const log = await openLog(t, server, { durability: "strict", serversSync: true });
    t.is(log.durability, "fsync-one-node");
    await log.append(ann, NO_POSITION, one);
    t.is((await openLog(t, server)).durability, "acknowledged-before-fsync");
  },
);

natsTest("copies are refused by a server without a cluster", async (t) => {
  const server = addressOf(await startServer(t));
  const error = await refused(t, openLog(t, server, { replicas: 3 }), "LOG_UNUSABLE");
  t.regex(error.message, /keeps one copy only/);
});

natsTest("a cluster tells by tags which servers sync; its copies make the class", async (t) => {
  const cluster = await startNatsCluster(3, { syncInterval: "always", more: 'server_tags: ["sync:always"]' });
  t.teardown(() => cluster.stop());
  const [first] = cluster.servers;
  if (first === undefined) return t.fail();
  const server = addressOf(first);
  const patient = { requestTimeoutMs: 30_000 };
  const strict = { ...patient, durability: "strict" } as const;

  const log = await openLog(t, server, { ...strict, replicas: 3 }, "strict");
  t.is(log.durability, "fsync-quorum");
  await log.append(ann, NO_POSITION, one);
  t.is((await openLog(t, server, { ...strict, replicas: 1 }, "one")).durability, "fsync-one-node");

  const relaxed = await openLog(t, server, { ...patient, replicas: 3 }, "relaxed");
  t.is(relaxed.durability, "quorum-before-fsync");
  const elsewhere = await refused(
    t,
    openLog(t, server, { ...strict, replicas: 3 }, "relaxed"),
    "LOG_UNUSABLE",
  );
  t.regex(elsewhere.message, /placement must be the tag sync:always/);
  const trusted = await openLog(t, server, { ...strict, serversSync: true }, "relaxed");
  t.is(trusted.durability, "fsync-quorum");
  const fewer = await refused(t, openLog(t, server, { ...patient, replicas: 3 }, "one"), "LOG_UNUSABLE");
  t.regex(fewer.message, /num_replicas must be 3/);

  const connection = await connect({ servers: server });
  t.teardown(() => connection.close());
  const manager = await jetstreamManager(connection, { timeout: 30_000 });
  for await (const { config } of manager.streams.list()) {
    const tags = config.name.startsWith("relaxed") ? undefined : ["sync:always"];
    t.deepEqual(config.placement?.tags, tags, config.name);
  }
});

natsTest("strict durability in a cluster without such servers is refused with what is missing", async (t) => {
  const cluster = await startNatsCluster(3);
  t.teardown(() => cluster.stop());
  const [first] = cluster.servers;
  if (first === undefined) return t.fail();
  const options = { durability: "strict", requestTimeoutMs: 30_000 } as const;
  const error = await refused(t, openLog(t, addressOf(first), options), "LOG_UNAVAILABLE");
  t.regex(error.message, /server_tags: \["sync:always"\]/);
});
