// SPDX-License-Identifier: Apache-2.0

import { jetstreamManager } from "@nats-io/jetstream";
import type { ExecutionContext } from "ava";

import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import type { NatsServer } from "../../../test/lib/nats/server.ts";
import { startNatsServer } from "../../../test/lib/nats/server.ts";
import { until } from "../../../test/lib/until.ts";
import type { TestMember } from "./test-lib/members.ts";
import { BUCKET, startMember, untilShared } from "./test-lib/members.ts";

interface Connections {
  readonly connections: readonly { readonly subscriptions_list?: readonly string[] }[];
}

/** Of each connection to the server, how many members it hears. */
async function heardBy(monitorUrl: string): Promise<readonly number[]> {
  const answer = await fetch(`${monitorUrl}/connz?subs=1`);
  const { connections } = (await answer.json()) as Connections;
  const isHeartbeat = (subject: string): boolean => subject.startsWith(`${BUCKET}-talk.heartbeat.`);
  return connections.map(({ subscriptions_list: subjects = [] }) => subjects.filter(isHeartbeat).length);
}

/** Six members that have divided the shards among them. */
async function startSix(
  t: ExecutionContext,
): Promise<{ readonly server: NatsServer; readonly members: readonly TestMember[] }> {
  const server = await startNatsServer();
  t.teardown(() => server.stop());
  const pods = ["a", "b", "c", "d", "e", "f"];
  const members = await Promise.all(pods.map((pod) => startMember(t, { pod, port: server.port })));
  await untilShared(members);
  return { server, members };
}

function sorted(ids: readonly string[]): readonly string[] {
  return ids.toSorted((one, other) => one.localeCompare(other));
}

natsTest("of six members each hears three, and two that end at once are replaced", async (t) => {
  const { server, members } = await startSix(t);
  await until("each hears three others", async () => {
    const heard = await heardBy(server.monitorUrl);
    return heard.length === members.length && heard.every((count) => count === 3);
  });
  const [first, second, ...others] = members;
  for (const ended of [first, second]) {
    ended?.cluster.close();
    await ended?.link.close();
  }
  const startMs = performance.now();
  await untilShared(others);
  t.log(`replaced after ${Math.round(performance.now() - startMs)} ms`);
  await until("each hears all that are left", async () => {
    const heard = await heardBy(server.monitorUrl);
    return heard.length === others.length && heard.every((count) => count === 3);
  });
  t.pass();
});

natsTest("somebody purges the bucket: all six learn that their former selves are gone", async (t) => {
  const { members } = await startSix(t);
  const before = members.map(({ cluster }) => cluster.id);
  const [first] = members;
  if (first !== undefined) await (await jetstreamManager(first.link.connection)).streams.purge(BUCKET);
  const startMs = performance.now();
  await until("each is another member", () =>
    members.every(({ cluster: { id } }, index) => id !== undefined && id !== before[index]),
  );
  await untilShared(members);
  t.log(`shared again after ${Math.round(performance.now() - startMs)} ms`);
  for (const { cluster } of members) {
    const present = [...cluster.node.peers].filter(([, { kind }]) => kind !== "gone").map(([id]) => id);
    const others = members.map(({ cluster: { id = "" } }) => id).filter((id) => id !== cluster.id);
    t.deepEqual(sorted(present), sorted(others));
  }
});
