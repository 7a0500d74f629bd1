// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";

import { SHARDS } from "../../base/mod.ts";

import { natsSerialTest } from "../../../test/lib/nats/nats-test.ts";
import { startNatsServer } from "../../../test/lib/nats/server.ts";
import { until } from "../../../test/lib/until.ts";
import type { MemberOptions, TestMember } from "./test-lib/members.ts";
import { ownersOf, startMember, untilShared } from "./test-lib/members.ts";

async function startServer(t: ExecutionContext): Promise<number> {
  const server = await startNatsServer();
  t.teardown(() => server.stop());
  return server.port;
}

async function startMembers(
  t: ExecutionContext,
  port: number,
  pods: readonly string[],
  times: Partial<MemberOptions> = {},
): Promise<readonly TestMember[]> {
  const members = await Promise.all(pods.map((pod) => startMember(t, { ...times, pod, port })));
  await untilShared(members);
  return members;
}

natsSerialTest("two members share the shards, and a third takes only its own share", async (t) => {
  const port = await startServer(t);
  const [a, b] = await startMembers(t, port, ["a", "b"]);
  t.true(a!.host.shards.size > 400 && b!.host.shards.size > 400);
  const before = ownersOf([a!, b!]);
  const c = await startMember(t, { pod: "c", port });
  await until("it has shards", () => c.host.shards.size > 200);
  await untilShared([a!, b!, c]);
  t.true(ownersOf([a!, b!, c]).every(([owner], shard) => owner === c || owner === before[shard]?.[0]));
});

natsSerialTest("one that leaves gives its shards to the others, and nobody else's move", async (t) => {
  const port = await startServer(t);
  const members = await startMembers(t, port, ["a", "b", "c"]);
  const [leaver, ...rest] = members;
  const before = ownersOf(members);
  const left = leaver!.host.shards.size;
  t.true(await leaver!.cluster.leave());
  t.is(leaver!.host.released.length, left);
  t.is(leaver!.host.dropped.length, 0);
  await untilShared(rest);
  t.true(
    ownersOf(rest).every(([owner], shard) => before[shard]?.[0] === leaver || owner === before[shard]?.[0]),
  );
  await until("the one that left knows where to send commands", () =>
    Array.from({ length: SHARDS }, (_, shard) => leaver!.cluster.ownerOf(shard).kind).every(
      (kind) => kind === "peer",
    ),
  );
});

natsSerialTest(
  "one that stands aside has no shards until it comes back, and knows who has them",
  async (t) => {
    const port = await startServer(t);
    const [a, b] = await startMembers(t, port, ["a", "b"]);
    const before = ownersOf([a!, b!]);
    const { id } = a!.cluster;
    t.true(await a!.cluster.standAside());
    t.is(a!.host.shards.size, 0);
    t.is(a!.host.dropped.length, 0);
    await until("it knows that the other one has all shards", () =>
      Array.from({ length: SHARDS }, (_, shard) => a!.cluster.ownerOf(shard)).every(
        ({ kind }) => kind === "peer",
      ),
    );
    await a!.cluster.comeBack();
    t.true(
      ownersOf([a!, b!]).every(([owner], shard) => owner === before[shard]?.[0]),
      "it has its shards again",
    );
    t.is(a!.cluster.id, id);
  },
);

natsSerialTest("a lone member does not stand aside, because nobody would serve its shards", async (t) => {
  const port = await startServer(t);
  const [a] = await startMembers(t, port, ["a"]);
  t.false(await a!.cluster.standAside());
  t.is(a!.host.shards.size, SHARDS);
  await a!.cluster.comeBack();
  t.true(a!.cluster.isSettled);
});

natsSerialTest(
  "a lone member that leaves frees its shards, and the next one claims all at once",
  async (t) => {
    const port = await startServer(t);
    const [first] = await startMembers(t, port, ["a"]);
    t.true(await first!.cluster.leave());
    first!.cluster.close();
    const startMs = performance.now();
    const next = await startMember(t, { pod: "b", port });
    const startedMs = performance.now();
    await until("it serves everything", () => next.cluster.isSettled && next.host.shards.size === SHARDS);
    t.log(
      `claimed ${(performance.now() - startedMs).toFixed(1)} ms after its start of ${(startedMs - startMs).toFixed(1)} ms`,
    );
  },
);

natsSerialTest(
  "a shard moves only when its commands have ended, and who waits for it is woken (I9)",
  async (t) => {
    const port = await startServer(t);
    const [a] = await startMembers(t, port, ["a"]);
    const open = Array.from({ length: SHARDS }, (_, shard) => a!.cluster.begin(shard));
    const b = await startMember(t, { pod: "b", port });
    const moving = (): number => open.findIndex((_, shard) => a!.cluster.ownerOf(shard).kind === "moving");
    await until("shards are to move", () => moving() >= 0);
    const shard = moving();
    const owner = a!.cluster.ownerOf(shard);
    t.is(a!.cluster.begin(shard), undefined);
    t.is(b.host.shards.size, 0);
    t.is(await open[shard]!.pass(), "reply");
    for (const each of open) each!.end();
    if (owner.kind === "moving") await owner.until;
    await untilShared([a!, b]);
    t.deepEqual(a!.cluster.ownerOf(shard), { kind: "peer", peer: b.cluster.id! });
  },
);

natsSerialTest("one that is killed is replaced long before its key is over", async (t) => {
  const port = await startServer(t);
  const [a, b] = await startMembers(t, port, ["a", "b"], { memberTtlMs: 600_000 });
  const before = ownersOf([a!, b!]);
  await b!.link.close();
  b!.cluster.close();
  const killedMs = performance.now();
  await untilShared([a!]);
  t.log(`replaced after ${Math.round(performance.now() - killedMs)} ms`);
  t.true(before.every(([owner]) => owner === b || owner === a));
  t.is(a!.host.dropped.length, 0);
});

natsSerialTest(
  "the first answer after a pause waits for a renewed lease, and the next does not",
  async (t) => {
    const port = await startServer(t);
    // So that nothing but a command renews.
    const [a] = await startMembers(t, port, ["a"], { memberTtlMs: 600_000 });
    let admission = a!.cluster.begin(0);
    let pass = admission?.pass();
    await until("the lease is over when a command begins", () => {
      admission?.end();
      admission = a!.cluster.begin(0);
      pass = admission?.pass();
      return pass instanceof Promise;
    });
    t.is(await pass, "reply");
    t.is(admission?.pass(), "reply");
  },
);

natsSerialTest("one that cannot hand over in time says so", async (t) => {
  const port = await startServer(t);
  const [a] = await startMembers(t, port, ["a"], { handoffTimeoutMs: 300 });
  const admission = a!.cluster.begin(0);
  t.false(await a!.cluster.leave());
  t.is(a!.cluster.ownerOf(0).kind, "moving");
  t.is(await admission?.pass(), "reply");
  admission?.end();
  t.true(await a!.cluster.leave());
  t.is(a!.cluster.id, undefined);
});
