// SPDX-License-Identifier: Apache-2.0

import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

import { startNatsCluster } from "../../../test/lib/nats/cluster.ts";
import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import { NO_POSITION } from "../event-log.ts";
import { defaultJetStreamOptions } from "./options.ts";
import { addressOf, openLog, refused, startServer } from "./test-lib/logs.ts";

const ann = { type: "cart", id: "ann" };
const one = new Uint8Array([1]);

/** Of a log whose settings do not say how durable it is. */
const unsaid = { durability: defaultJetStreamOptions.durability };

/** Every text about durability names both settings, for a cluster and for a command line. */
const BOTH =
  /log-servers-sync: "true".*PERDURE_LOG_SERVERS_SYNC=true.*perdure\.dev\/durability=relaxed.*PERDURE_LOG_DURABILITY=relaxed/;

natsTest(
  "one server is refused unless somebody says that it syncs, or that durability is relaxed",
  async (t) => {
    const server = addressOf(await startServer(t, { syncInterval: "always" }));
    const unknown = await refused(t, openLog(t, server, unsaid), "LOG_UNUSABLE");
    t.regex(unknown.message, /does not tell whether it syncs/);
    t.regex(unknown.message, BOTH);
    const log = await openLog(t, server, { ...unsaid, serversSync: true });
    t.is(log.durability, "fsync-one-node");
    await log.append(ann, NO_POSITION, one);
    t.is((await openLog(t, server, { durability: "relaxed" })).durability, "acknowledged-before-fsync");
  },
);

natsTest(
  "a log that was relaxed is refused, not weaker and not lost, until a setting is chosen",
  async (t) => {
    const cluster = await startNatsCluster(2);
    t.teardown(() => cluster.stop());
    const server = cluster.servers.map(addressOf).join(",");
    const patient = { requestTimeoutMs: 30_000, readDeadlineMs: 30_000, streams: 1 };
    const before = await openLog(t, server, { ...patient, durability: "relaxed" });
    await before.append(ann, NO_POSITION, one);
    await before.close();

    const { message } = await refused(t, openLog(t, server, { ...patient, ...unsaid }), "LOG_UNUSABLE");
    t.regex(message, /p_ev_0 \(and 1 more\) was made without the tag sync:always.*the state is as it was/);
    t.regex(message, BOTH);
    t.notRegex(message, /another prefix/, "which would leave the state behind");
    for (const chosen of [{ durability: "relaxed" }, { ...unsaid, serversSync: true }] as const) {
      const log = await openLog(t, server, { ...patient, ...chosen });
      t.is((await log.read(ann)).records.length, 1);
    }
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
  t.regex(
    elsewhere.message,
    /made without the tag sync:always.*nats stream edit relaxed_ev_0 --tag sync:always$/,
  );
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
  const options = { ...unsaid, requestTimeoutMs: 30_000 };
  const error = await refused(t, openLog(t, addressOf(first), options), "LOG_UNAVAILABLE");
  t.regex(error.message, /server_tags: \["sync:always"\]/);
  t.regex(error.message, BOTH);
});
