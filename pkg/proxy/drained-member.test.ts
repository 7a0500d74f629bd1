// SPDX-License-Identifier: Apache-2.0

/** A member of a cluster that is about to end, by `/drain` of its admin port or at once: others get the shards. */

import type { ExecutionContext } from "ava";

import { SHARDS, shardOf } from "../base/mod.ts";
import type { ClusterView } from "../cluster/node/mod.ts";

import { counterSpec } from "../../test/lib/counter.ts";
import type { CounterCommand } from "../../test/lib/counter-function.ts";
import { ADD, counterAmount, counterFunction } from "../../test/lib/counter-function.ts";
import type { LocalProxy } from "../../test/lib/local-proxy.ts";
import { startWorld } from "../../test/lib/local-proxy.ts";
import { natsTest } from "../../test/lib/nats/nats-test.ts";
import { startNatsServer } from "../../test/lib/nats/server.ts";
import { until } from "../../test/lib/until.ts";

async function startServer(t: ExecutionContext): Promise<number> {
  const server = await startNatsServer();
  t.teardown(() => server.stop());
  return server.port;
}

function startPod(
  t: ExecutionContext,
  natsPort: number,
  name: string,
  env: Readonly<Record<string, string>> = {},
  misbehave?: (command: CounterCommand) => boolean,
): Promise<LocalProxy> {
  return startWorld(
    t,
    { spec: counterSpec(), onMessage: counterFunction(misbehave) },
    {
      PERDURE_LOG: `nats://127.0.0.1:${natsPort}/shop`,
      PERDURE_LOG_DURABILITY: "relaxed",
      PERDURE_CLUSTER: "on",
      POD_NAME: name,
      ...env,
    },
  );
}

async function viewOf({ admin }: LocalProxy): Promise<ClusterView> {
  const { body } = await admin.call("/shards?format=json");
  return JSON.parse(body) as ClusterView;
}

/** How many shards the members of this view own, by pod. */
function ownedIn({ members }: ClusterView): Readonly<Record<string, number>> {
  return Object.fromEntries(members.map(({ pod, owned }) => [pod, owned]));
}

/** The counter's persistence id. */
const TYPE = "counter";

const COUNTERS = Array.from({ length: 20 }, (_, index) => `counter-${index}`);

/** Adds one to each counter. Gives the totals. */
async function addToAll({ grpc }: LocalProxy): Promise<readonly number[]> {
  return Promise.all(COUNTERS.map(async (id) => counterAmount(await grpc.call(ADD, { id, amount: 1 }))));
}

function all(total: number): readonly number[] {
  return COUNTERS.map(() => total);
}

natsTest("a drained member gives its shards to others, says so, and sends late requests there", async (t) => {
  const port = await startServer(t);
  const first = await startPod(t, port, "pod-a");
  const second = await startPod(t, port, "pod-b");
  await until("both have shards", async () => Object.values(ownedIn(await viewOf(second))).every(Boolean));
  t.deepEqual(await addToAll(first), all(1));
  t.like(await first.admin.call("/drain", { method: "POST" }), { status: 200, body: "drained\n" });

  t.is(ownedIn(await viewOf(first))["pod-a"], 0);
  const { status, body } = await first.readyz();
  t.is(status, 503);
  t.true(body.includes("[-] cluster: has handed its shards over\n"), body);
  await until("the other one has all shards", async () => ownedIn(await viewOf(second))["pod-b"] === SHARDS);
  t.deepEqual(await addToAll(first), all(2));
  t.deepEqual(await addToAll(second), all(3));
});

natsTest("one that is alone when it is drained serves late requests until others come", async (t) => {
  const port = await startServer(t);
  const first = await startPod(t, port, "pod-a");
  t.like(await first.admin.call("/drain", { method: "POST" }), { status: 200, body: "drained\n" });
  const { body } = await first.readyz();
  t.true(body.includes("[-] cluster: has 1024 shards, which nobody else is there to take\n"), body);
  t.deepEqual(await addToAll(first), all(1));

  const second = await startPod(t, port, "pod-b");
  await until("the other one has all shards", async () => ownedIn(await viewOf(second))["pod-b"] === SHARDS);
  t.deepEqual(await addToAll(first), all(2));
});

natsTest("a drained member that nobody ends takes its shards back, and is ready again", async (t) => {
  const port = await startServer(t);
  const first = await startPod(t, port, "pod-a", { PERDURE_DRAIN_RESET_TIMEOUT_MS: "1000" });
  const second = await startPod(t, port, "pod-b");
  await until("both have shards", async () => Object.values(ownedIn(await viewOf(first))).every(Boolean));
  const before = (await viewOf(first)).shards.map(({ owner }) => owner);
  await first.admin.call("/drain", { method: "POST" });
  await until("it has its shards again", async () => {
    const { shards, self } = await viewOf(first);
    const isAsBefore = shards.every(({ owner }, shard) => owner === before[shard]);
    return isAsBefore && shards.some(({ owner, epoch = 0 }) => owner === self && epoch > 1);
  });
  await first.ready();
  t.deepEqual(await addToAll(second), all(1));
});

natsTest("a member that stops gives its shards away at once, while its requests still run", async (t) => {
  const held = Promise.withResolvers<CounterCommand>();
  const port = await startServer(t);
  const hold = (command: CounterCommand): boolean => {
    if (command.amount === 7) held.resolve(command);
    return command.amount === 7;
  };
  const first = await startPod(t, port, "pod-a", { PERDURE_DRAIN_TIMEOUT_MS: "60000" }, hold);
  const second = await startPod(t, port, "pod-b");
  await until("both have shards", async () => Object.values(ownedIn(await viewOf(second))).every(Boolean));
  const { self, shards } = await viewOf(first);
  const own = COUNTERS.find((id) => shards[shardOf(TYPE, id)]?.owner === self) ?? "";
  const answer = first.grpc.call(ADD, { id: own, amount: 7 });
  const { carryOut } = await held.promise;

  const stopped = first.proxy.stop();
  const busy = shardOf(TYPE, own);
  await until("the other one has all shards but that of the request", async () => {
    const view = await viewOf(second);
    return view.shards.every(({ owner }, shard) => shard === busy || owner === view.self);
  });
  carryOut();
  t.is(counterAmount(await answer), 7);
  await stopped;
  t.is(counterAmount(await second.grpc.call(ADD, { id: own, amount: 1 })), 8);
});
