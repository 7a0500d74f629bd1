// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import { makeReadOnly, natsWithoutPrivileges } from "../../../test/lib/bad-disk.ts";
import { startNatsCluster } from "../../../test/lib/nats/cluster.ts";
import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import { reconfigure } from "../../../test/lib/nats/reconfigure.ts";
import { managerOf } from "../../../test/lib/stream-manager.ts";
import { until } from "../../../test/lib/until.ts";
import type { EventLog, EventLogCode } from "../event-log.ts";
import { NO_POSITION } from "../event-log.ts";
import { addressOf, eventually, openLog, refused, startServer } from "./test-lib/logs.ts";

const ann = { type: "cart", id: "ann" };
const one = new Uint8Array([1]);
/** Checks often. A check has as long as a healthy server needs on a busy machine. */
const QUICK = { logCheckIntervalMs: 50, logCheckTimeoutMs: 5_000, requestTimeoutMs: 5_000, streams: 2 };

natsTest(
  "(12) an idle log whose streams are deleted is unusable; checks store nothing, not even after that",
  async (t) => {
    const server = addressOf(await startServer(t));
    const log = await openLog(t, server, QUICK);
    await log.append(ann, NO_POSITION, one);
    const { streams } = await managerOf(t, server);
    const messages = async (): Promise<number[]> =>
      Promise.all(["p_ev_0", "p_ev_1"].map(async (name) => (await streams.info(name)).state.last_seq));
    const before = await messages();
    await streams.delete("p_sn_0");
    await streams.delete("p_sn_1");
    // Snapshots only save time.
    t.is(codeOf(log), "usable");

    const { config } = await streams.info("p_ev_1");
    await streams.delete("p_ev_1");
    await until("one is missed", () => log.health.kind === "partly");
    t.regex(
      messageOf(log),
      /^1 of 2 partitions: stream\/p_ev_1: no stream takes it: JetStream is off, the stream is gone/,
    );
    await streams.add(config);
    await until("it is back", () => codeOf(log) === "usable");
    t.deepEqual(
      before.reduce((sum, last) => sum + last),
      1,
    );
    t.is((await streams.info("p_ev_1")).state.last_seq, 0);

    await streams.delete("p_ev_0");
    await streams.delete("p_ev_1");
    await until("all are missed", () => log.health.kind === "unusable");
    t.is(codeOf(log), "LOG_UNAVAILABLE");
  },
);

natsTest(
  "(12) a server that is gone, or refuses the credentials, leaves the log unusable until that is mended",
  async (t) => {
    const auth = { kind: "password", user: "perdure", password: "right" } as const;
    const server = await startServer(t, { auth });
    const log = await openLog(t, addressOf(server), { ...QUICK, credentials: auth });
    await reconfigure(server, '"right"', '"changed"');
    await until("it is refused", () => log.health.kind === "unusable");
    await until("the reason is told", () => /refuses the credentials/.test(messageOf(log)));
    await reconfigure(server, '"changed"', '"right"');
    await until("it is let in", () => codeOf(log) === "usable");
    await server.kill();
    await until("it is gone", () => codeOf(log) === "LOG_UNAVAILABLE");
    await server.restart();
    await until("it is back", () => codeOf(log) === "usable");
    t.is(await log.append(ann, NO_POSITION, one), 1);
  },
);

natsTest("(12) a server that is silent leaves the log unusable after logCheckTimeoutMs", async (t) => {
  const server = await startServer(t);
  const log = await openLog(t, addressOf(server), {
    ...QUICK,
    logCheckTimeoutMs: 1_000,
    requestTimeoutMs: 60_000,
  });
  await server.kill("SIGSTOP");
  await until("it is missed", () => log.health.kind === "unusable");
  t.regex(messageOf(log), /did not answer a check within 1000 ms/);
  await server.kill("SIGCONT");
  await until("it is back", () => codeOf(log) === "usable");
});

natsTest(
  "(12) a permission that all entities miss makes the log unusable, one that one entity misses does not",
  async (t) => {
    const users = (deny: string): string =>
      `{ user: u, password: p, permissions: { publish: { deny: ${JSON.stringify(deny)} } } }`;
    const server = await startServer(t, {
      more: `authorization { timeout: 30, users: [ ${users("p.ev.*.cart.ann")} ] }`,
    });
    const credentials = { kind: "password", user: "u", password: "p" } as const;
    const log = await openLog(t, addressOf(server), { ...QUICK, credentials, streams: 1 });
    for (let i = 0; i < 20; i++) {
      await refused(t, log.append(ann, NO_POSITION, one), "LOG_UNUSABLE");
      t.is(codeOf(log), "usable");
    }
    await reconfigure(server, users("p.ev.*.cart.ann"), users("p.ev.>"));
    await until("it is forbidden", () => codeOf(log) === "LOG_UNUSABLE");
    t.regex(messageOf(log), /allow this user to publish to "p\.ev\.0\./);
    await reconfigure(server, users("p.ev.>"), users("q.>"));
    await until("it is allowed", () => codeOf(log) === "usable");
  },
);

natsTest(
  "(12) a server whose folder takes no writes any more switches JetStream off, and the log says so",
  async (t) => {
    const binary = await natsWithoutPrivileges(t);
    if (binary === undefined) {
      t.pass("root without setpriv may write everywhere");
      return;
    }
    const server = await startServer(t, { binary });
    const log = await openLog(t, addressOf(server), { ...QUICK, streams: 1 });
    let last = await log.append(ann, NO_POSITION, one);
    makeReadOnly(t, join(server.folder, "jetstream"));
    const large = new Uint8Array(500_000);
    await until("it is unusable", async () => {
      last = await log.append(ann, last, large).catch(() => last);
      return log.health.kind === "unusable";
    });
    t.is(codeOf(log), "LOG_UNAVAILABLE");
  },
);

natsTest("(12) a full stream is a part of the log, and no longer once an append works", async (t) => {
  const server = addressOf(await startServer(t));
  const log = await openLog(t, server, { ...QUICK, maxStreamBytes: 20_000 });
  let last = NO_POSITION;
  await until("it is full", async () => {
    last = await log.append(ann, last, new Uint8Array(5_000)).catch(() => last);
    return codeOf(log) === "LOG_FULL";
  });
  t.is(log.health.kind, "partly");
  const { streams } = await managerOf(t, server);
  const stream = `p_ev_${log.partitionOf(ann)}`;
  await streams.update(stream, { max_bytes: 1_000_000 });
  await log.append(ann, last, one);
  t.is(codeOf(log), "usable");
});

natsTest(
  "(12) a cluster without a quorum leaves the log unusable, and it is usable again when there is one",
  async (t) => {
    const cluster = await startNatsCluster(3);
    t.teardown(() => cluster.stop());
    const [first, ...others] = cluster.servers;
    if (first === undefined) throw new Error("the cluster has servers");
    const log = await openLog(t, addressOf(first), { ...QUICK, streams: 1, replicas: 3 });
    const last = await log.append(ann, NO_POSITION, one);
    for (const server of others) await server.kill();
    await until("it is missed", () => log.health.kind === "unusable", 60_000);
    for (const server of others) await server.restart();
    await until("it is back", () => codeOf(log) === "usable", 60_000);
    t.true((await eventually(() => log.append(ann, last, one))) > last);
  },
);

function codeOf({ health }: EventLog): EventLogCode | "usable" {
  return health.kind === "usable" ? "usable" : health.error.code;
}

function messageOf({ health }: EventLog): string {
  return health.kind === "usable" ? "" : health.error.message;
}
