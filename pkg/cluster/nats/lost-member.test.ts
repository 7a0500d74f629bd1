// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import type { JetStreamManager } from "@nats-io/jetstream";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import type { ExecutionContext } from "ava";

import { seededRandom } from "../../base/test-doubles/mod.ts";
import type { Admission, Pass, ReplyGate } from "../mod.ts";

import type { FaultProxy } from "../../../test/lib/fault-proxy.ts";
import { startFaultProxy } from "../../../test/lib/fault-proxy.ts";
import { natsSerialTest } from "../../../test/lib/nats/nats-test.ts";
import { startNatsServer } from "../../../test/lib/nats/server.ts";
import { until } from "../../../test/lib/until.ts";
import { ClusterBucket } from "./mod.ts";
import type { MemberOptions, TestMember } from "./test-lib/members.ts";
import { BUCKET, startMember, untilShared } from "./test-lib/members.ts";

/** Two members, of which one is connected through a proxy that breaks connections. */
async function startTwo(
  t: ExecutionContext,
  times: Partial<MemberOptions> = {},
): Promise<{ a: TestMember; b: TestMember; network: FaultProxy }> {
  const server = await startNatsServer();
  t.teardown(() => server.stop());
  const network = await startFaultProxy(server.port, seededRandom(16));
  t.teardown(() => network.close());
  const a = await startMember(t, { ...times, pod: "a", port: server.port });
  const b = await startMember(t, { ...times, pod: "b", port: network.port });
  await untilShared([a, b]);
  return { a, b, network };
}

async function managerOf(t: ExecutionContext, port: number): Promise<JetStreamManager> {
  const connection = await connect({ port });
  t.teardown(() => connection.close());
  return await jetstreamManager(connection);
}

function beginOn({ cluster, host }: TestMember): { shard: number; admission: Admission } {
  const gate: ReplyGate = cluster;
  const [shard] = host.shards;
  const admission = shard === undefined ? undefined : gate.begin(shard);
  if (shard === undefined || admission === undefined) throw new Error("it serves no shard");
  return { shard, admission };
}

natsSerialTest(
  "one that lost its connection answers nothing once its lease is over, and joins anew",
  async (t) => {
    const { a, b, network } = await startTwo(t, { memberTtlMs: 600_000 });
    const { shard, admission } = beginOn(b);
    const { id } = b.cluster;
    network.refuse();
    network.resetAll();
    await until("its shards were taken", () => a.cluster.isSettled && a.host.shards.has(shard));
    // It does not know yet that it was evicted.
    t.is(b.cluster.id, id);
    const passing = admission.pass();
    t.true(passing instanceof Promise);
    network.heal();
    t.is(await passing, "over");
    admission.end();
    await until("it is another member", () => b.cluster.id !== undefined && b.cluster.id !== id);
    await untilShared([a, b]);
    t.true(b.host.dropped.includes(shard));
  },
);

natsSerialTest(
  "I8: one that hears nothing from NATS stops by itself, before others take its shards",
  async (t) => {
    const { a, b, network } = await startTwo(t, { memberTtlMs: 4_000 });
    const { shard, admission } = beginOn(b);
    const { id } = b.cluster;
    network.halfOpen();
    let pass: Pass | undefined;
    await until("its answer waits", () => admission.pass() instanceof Promise);
    void Promise.resolve(admission.pass()).then((decided) => {
      pass = decided;
    });
    await until("its answer is over", () => pass !== undefined);
    t.is(pass, "over");
    t.false(a.host.shards.has(shard));
    t.true(b.host.dropped.includes(shard));
    await until("its shards were taken", () => a.host.shards.has(shard) && a.cluster.isSettled);
    network.heal();
    await until("it is another member", () => b.cluster.id !== undefined && b.cluster.id !== id);
    await untilShared([a, b]);
  },
);

natsSerialTest(
  "a bucket that somebody purges or deletes heals, and so does one that is made anew",
  async (t) => {
    const server = await startNatsServer();
    t.teardown(() => server.stop());
    const members = await Promise.all(["a", "b"].map((pod) => startMember(t, { pod, port: server.port })));
    await untilShared(members);
    const { streams } = await managerOf(t, server.port);
    const { config } = await streams.info(BUCKET);
    const ways: Readonly<Record<string, () => Promise<unknown>>> = {
      purged: () => streams.purge(BUCKET),
      deleted: () => streams.delete(BUCKET),
      "made anew": async () => {
        await streams.delete(BUCKET);
        await streams.add(config);
      },
      "purged again": () => streams.purge(BUCKET),
    };
    for (const [name, wipe] of Object.entries(ways)) {
      const before = members.map(({ cluster }) => cluster.id);
      await wipe();
      const startMs = performance.now();
      await until(`all are new members of a bucket that was ${name}`, () =>
        members.every(({ cluster }, index) => cluster.id !== undefined && cluster.id !== before[index]),
      );
      await untilShared(members);
      t.log(`${name}: healed after ${Math.round(performance.now() - startMs)} ms`);
    }
    t.pass();
  },
);

natsSerialTest("members come back when NATS was killed and started again", async (t) => {
  const server = await startNatsServer();
  t.teardown(() => server.stop());
  const members = await Promise.all(["a", "b"].map((pod) => startMember(t, { pod, port: server.port })));
  await untilShared(members);
  await server.kill();
  await server.restart();
  const open = members.map(beginOn);
  for (const { admission } of open) t.regex(await admission.pass(), /^(reply|over)$/);
  for (const { admission } of open) admission.end();
  await untilShared(members);
});

natsSerialTest("who is back first when NATS was away does not evict those that are slower", async (t) => {
  const server = await startNatsServer();
  t.teardown(() => server.stop());
  // Their longest pauses are the same, as those of proxies with the same settings are.
  const quick = { reconnectDelayMs: 20, reconnectJitterMs: 480 };
  const slow = { reconnectDelayMs: 499, reconnectJitterMs: 1 };
  const members = await Promise.all([
    startMember(t, { pod: "quick", port: server.port, reconnect: quick }),
    startMember(t, { pod: "slow", port: server.port, reconnect: slow }),
  ]);
  await untilShared(members);
  const before = members.map(({ cluster }) => cluster.id);
  await server.kill();
  // Until then each has missed heartbeats of the other.
  await delay(2_000);
  await server.restart();
  await until("both are connected", () => members.every(({ link }) => link.isConnected));
  await untilShared(members);
  t.deepEqual(
    members.map(({ cluster }) => cluster.id),
    before,
  );
});

natsSerialTest("one that leaves while it joins leaves no key, which others would believe in", async (t) => {
  const server = await startNatsServer();
  t.teardown(() => server.stop());
  const network = await startFaultProxy(server.port, seededRandom(16));
  t.teardown(() => network.close());
  const { cluster, link } = await startMember(t, { pod: "a", port: network.port });
  const { membership } = cluster.node;
  if (membership.kind !== "joining") return t.fail(`it joins: ${membership.kind}`);
  network.delay(100);
  t.true(await cluster.leave());
  const [segments, segmentSize, requestTimeoutMs] = [16, 64, 30_000];
  const options = { name: BUCKET, replicas: 1, segments, segmentSize, ttlMs: 10_000, requestTimeoutMs };
  const bucket = await ClusterBucket.open(link, options);
  const found = await bucket.member(membership.id);
  t.is(found?.value, undefined);
  t.true((found?.revision ?? 0) > 1, "the key was there, and was taken back");
});

natsSerialTest("one that comes back does not wait until it has given its shards away", async (t) => {
  const server = await startNatsServer();
  t.teardown(() => server.stop());
  const members = await Promise.all(["a", "b"].map((pod) => startMember(t, { pod, port: server.port })));
  await untilShared(members);
  const [a] = members;
  const { admission } = beginOn(a!);
  const aside = a!.cluster.standAside();
  await a!.cluster.comeBack();
  t.false(await aside);
  admission.end();
  await untilShared(members);
});

natsSerialTest(
  "without a connection the shards of others move until it is there again, and nobody asks again and again",
  async (t) => {
    const { a, b, network } = await startTwo(t);
    const [shard] = a.host.shards;
    const { id } = a.cluster;
    t.deepEqual(b.cluster.ownerOf(shard!), { kind: "peer", peer: id! });
    network.refuse();
    network.resetAll();
    await until("the connection is lost", () => !b.link.isConnected);
    const owner = b.cluster.ownerOf(shard!);
    if (owner.kind !== "moving") return t.fail(owner.kind);
    network.heal();
    await owner.until;
    await until("it is found again", () => b.cluster.ownerOf(shard!).kind === "peer");
  },
);
