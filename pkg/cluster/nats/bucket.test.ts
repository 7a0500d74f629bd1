// SPDX-License-Identifier: Apache-2.0

import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import type { ExecutionContext } from "ava";

import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import { startNatsServer } from "../../../test/lib/nats/server.ts";
import { openTestLink } from "../../../test/lib/nats/test-link.ts";
import { until } from "../../../test/lib/until.ts";
import type { Entry } from "../node/owners.ts";
import { memberInfo } from "../node/test-lib/member-info.ts";
import type { BucketChange } from "./mod.ts";
import { ClusterBucket } from "./mod.ts";

const NAME = "perdure-cluster-shop";
const INFO = memberInfo();
const ENTRIES: readonly Entry[] = [
  { kind: "free", epoch: 1 },
  { kind: "owned", epoch: 2, owner: "a.1", leaseMs: 500 },
];

async function open(t: ExecutionContext, ttlMs = 10_000): Promise<{ bucket: ClusterBucket; port: number }> {
  const server = await startNatsServer();
  t.teardown(() => server.stop());
  const link = await openTestLink(t, server.port);
  const bucket = await ClusterBucket.open(link, {
    name: NAME,
    replicas: 1,
    segments: 16,
    segmentSize: ENTRIES.length,
    ttlMs,
    requestTimeoutMs: 30_000,
  });
  return { bucket, port: server.port };
}

/** What a watch shows from now on. */
function watch(t: ExecutionContext, bucket: ClusterBucket): readonly BucketChange[] {
  const changes: BucketChange[] = [];
  const over = new AbortController();
  const onChange = (change: BucketChange): void => void changes.push(change);
  void bucket.watch({ onChange, onListed: () => undefined }, over.signal);
  t.teardown(() => over.abort());
  return changes;
}

natsTest("a write names the revision that it replaces, and is refused otherwise (I3)", async (t) => {
  const { bucket } = await open(t);
  const first = await bucket.putMember("a.1", 0, INFO);
  t.is(first.kind, "stored");
  t.deepEqual(await bucket.putMember("a.1", 0, INFO), { kind: "refused" });
  const revision = first.kind === "stored" ? first.revision : 0;
  const second = await bucket.putMember("a.1", revision, { ...INFO, share: 10 });
  t.is(second.kind, "stored");
  t.deepEqual(await bucket.putMember("a.1", revision, INFO), { kind: "refused" });
  const found = await bucket.member("a.1");
  t.deepEqual(found?.value, { ...INFO, share: 10 });
  t.is((await bucket.putSegment(3, 0, ENTRIES)).kind, "stored");
  t.deepEqual((await bucket.segment(3))?.value, ENTRIES);
  t.deepEqual(await bucket.segment(4), { revision: 0, value: undefined });
});

natsTest("a member that renewed cannot be removed, and one that is gone stays gone", async (t) => {
  const { bucket } = await open(t);
  const joined = await bucket.putMember("a.1", 0, INFO);
  const before = joined.kind === "stored" ? joined.revision : 0;
  const renewed = await bucket.putMember("a.1", before, INFO);
  t.deepEqual(await bucket.removeMember("a.1", before), { kind: "refused" });
  const now = renewed.kind === "stored" ? renewed.revision : 0;
  t.is((await bucket.removeMember("a.1", now)).kind, "stored");
  t.is((await bucket.removeMember("a.1", now)).kind, "stored", "it was removed before");
  t.is((await bucket.removeMember("never.1", 0)).kind, "stored", "it was never there");
  t.deepEqual(await bucket.putMember("a.1", now, INFO), { kind: "refused" });
  t.is((await bucket.member("a.1"))?.value, undefined);
});

natsTest("the watch shows what is there, then every change, in order", async (t) => {
  const { bucket } = await open(t);
  const joined = await bucket.putMember("a.1", 0, INFO);
  const changes = watch(t, bucket);
  await until("the key is seen", () => changes.length === 1);
  await bucket.putSegment(0, 0, ENTRIES);
  await bucket.removeMember("a.1", joined.kind === "stored" ? joined.revision : 0);
  await until("all is seen", () => changes.length === 3);
  t.deepEqual(changes, [
    { kind: "member", id: "a.1", revision: 1, info: INFO },
    { kind: "segment", segment: 0, revision: 2, entries: ENTRIES },
    { kind: "member", id: "a.1", revision: 3, info: undefined },
  ]);
});

natsTest("the watch says once that it has shown all keys that are there", async (t) => {
  const { bucket } = await open(t);
  for (const id of ["a.1", "b.2", "c.3"]) await bucket.putMember(id, 0, INFO);
  const shown: string[] = [];
  const over = new AbortController();
  t.teardown(() => over.abort());
  const onChange = (change: BucketChange): void => void shown.push(change.kind === "member" ? change.id : "");
  void bucket.watch({ onChange, onListed: () => void shown.push("all") }, over.signal);
  await until("all are shown", () => shown.includes("all"));
  await bucket.putMember("d.4", 0, INFO);
  await until("the next one is shown", () => shown.includes("d.4"));
  t.deepEqual(shown, ["a.1", "b.2", "c.3", "all", "d.4"]);
});

natsTest("the server drops a member that is not renewed, and the watch shows it", async (t) => {
  const { bucket } = await open(t, 1_000);
  const joined = await bucket.putMember("a.1", 0, INFO);
  const changes = watch(t, bucket);
  await until("it is dropped", () =>
    changes.some((change) => change.kind === "member" && change.info === undefined),
  );
  t.deepEqual(await bucket.putMember("a.1", joined.kind === "stored" ? joined.revision : 0, INFO), {
    kind: "refused",
  });
});

natsTest("a stream that was deleted is made again, and tells that it is another one", async (t) => {
  const { bucket, port } = await open(t);
  await bucket.putMember("a.1", 0, INFO);
  const before = await bucket.prepare();
  t.is(before.lastRevision, 1);
  t.deepEqual(await bucket.prepare(), before);
  const client = await connect({ port });
  t.teardown(() => client.close());
  await (await jetstreamManager(client)).streams.delete(NAME);
  t.deepEqual(await bucket.putMember("b.1", 0, INFO), { kind: "unknown" });
  const after = await bucket.prepare();
  t.is(after.lastRevision, 0);
  t.not(after.madeAt, before.madeAt);
  t.is((await bucket.putMember("b.1", 0, INFO)).kind, "stored");
});

natsTest("a stream that is something else is refused", async (t) => {
  const { bucket, port } = await open(t);
  const client = await connect({ port });
  t.teardown(() => client.close());
  const { streams } = await jetstreamManager(client);
  await streams.delete(NAME);
  await streams.add({ name: NAME, subjects: [`${NAME}.>`] });
  await t.throwsAsync(bucket.prepare(), { code: "NATS_UNFIT_SERVER" });
});

natsTest("I12: a key with anything else in it counts as not there", async (t) => {
  const { bucket, port } = await open(t);
  const changes = watch(t, bucket);
  const client = await connect({ port });
  t.teardown(() => client.close());
  const oddSegments = [
    "segment.x",
    "segment.16",
    "segment.-1",
    "segment.00",
    "segment.0.x",
    "segment",
    "segment.1e0",
  ];
  // Another spelling of `YQ`, and one with more behind it.
  const oddMembers = ["member.YR", "member.YQ.x", "member"];
  for (const key of ["segment.0", ...oddSegments, "other", ...oddMembers, "member.YQ"])
    client.publish(`${NAME}.${key}`, "{}");
  await until("they are seen", () => changes.length === 2);
  t.deepEqual(changes, [
    { kind: "segment", segment: 0, revision: 1, entries: undefined },
    { kind: "member", id: "a", revision: 13, info: undefined },
  ]);
});

natsTest(
  "a member whose key was purged gets a mark when it is removed, which every watch shows",
  async (t) => {
    const { bucket, port } = await open(t);
    const joined = await bucket.putMember("a.1", 0, INFO);
    const changes = watch(t, bucket);
    await until("it is seen", () => changes.length === 1);
    const client = await connect({ port });
    t.teardown(() => client.close());
    await (await jetstreamManager(client)).streams.purge(NAME);
    const removed = await bucket.removeMember("a.1", joined.kind === "stored" ? joined.revision : 0);
    t.is(removed.kind, "stored");
    await until("the mark is seen", () => changes.length === 2);
    t.deepEqual(changes[1], { kind: "member", id: "a.1", revision: 2, info: undefined });
    t.is((await bucket.removeMember("a.1", 1)).kind, "stored");
    t.deepEqual(await bucket.putMember("a.1", 0, INFO), { kind: "refused" }, "no id comes back");
  },
);
