// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import type { ExecutionContext } from "ava";

import { shardOf } from "../../pkg/base/mod.ts";
import type { ClusterView } from "../../pkg/cluster/node/mod.ts";

import { addToken, CART_TYPE, readCart, readCartLog, tokenOf } from "../lib/carts.ts";
import { checkHistory } from "../lib/history-checker.ts";
import type { HttpClient } from "../lib/http-client.ts";
import { httpClient } from "../lib/http-client.ts";
import { guardProcess } from "../lib/nats/guard.ts";
import { natsSerialTest } from "../lib/nats/nats-test.ts";
import { startNatsServer } from "../lib/nats/server.ts";
import type { ProxyProcess, TestScope, UserFunctionProcess } from "../lib/processes.ts";
import { startProxyProcess, startShoppingCart } from "../lib/processes.ts";
import { until } from "../lib/until.ts";

/** How many carts are read and how many are written by the owner that is paused. */
const COUNT = 10;

/** So long an append of the owner waits before it begins: until the owner is paused, and longer. */
const LINGER_MS = 5_000;

interface Pod {
  readonly proxy: ProxyProcess;
  readonly userFunction: UserFunctionProcess;
  readonly http: HttpClient;
}

async function startPod(scope: TestScope, log: string, name: string, args: readonly string[]): Promise<Pod> {
  const userFunction = await startShoppingCart(scope);
  const env = { USER_FUNCTION_PORT: userFunction.port, PERDURE_LOG: log, POD_NAME: name };
  const member = { PERDURE_CLUSTER: "on", PERDURE_MEMBER_TTL_MS: 4_000 };
  const main = join(import.meta.dirname, "mutant-proxy.ts");
  const proxy = await startProxyProcess(scope, { ...env, ...member }, { main, args });
  await proxy.ready();
  const http = httpClient(proxy.port, { connections: 64 });
  scope.teardown(() => http.close());
  return { proxy, userFunction, http };
}

async function shardsOf({ proxy }: Pod): Promise<ClusterView> {
  const answer = await fetch(`http://127.0.0.1:${proxy.adminPort}/shards?format=json`);
  return (await answer.json()) as ClusterView;
}

/** Carts that the owner has. */
async function cartsOf(pod: Pod): Promise<readonly string[]> {
  const { self, shards } = await shardsOf(pod);
  const names = Array.from({ length: 200 }, (_, index) => `cart-${index}`);
  return names.filter((name) => shards[shardOf(CART_TYPE, name)]?.owner === self).slice(0, 2 * COUNT);
}

async function untilOpen(pod: Pod, count: number): Promise<void> {
  await until(`${count} commands are open`, async () => {
    const { shards } = await shardsOf(pod);
    return shards.reduce((sum, { open = 0 }) => sum + open, 0) === count;
  });
}

/** Stops a process, which then does not outlive this one. Gives what lets it go on. */
function stopped(t: ExecutionContext, { pid }: { readonly pid: number }): () => void {
  const guard = guardProcess(pid);
  process.kill(pid, "SIGSTOP");
  t.teardown(() => guard.release());
  return () => void process.kill(pid, "SIGCONT");
}

/**
 * Pauses the owner of carts while the appends of some and the reads of others are under way, until another proxy has
 * acknowledged a newer write of each. Gives what the callers of the owner then get, and what is stored.
 */
async function pausedOwner(t: ExecutionContext, mutant: string) {
  t.timeout(120_000);
  const server = await startNatsServer();
  t.teardown(() => server.stop());
  const log = `${server.url}/shop`;
  const other = await startPod(t, log, "pod-b", ["none"]);
  const owner = await startPod(t, log, "pod-a", [mutant, `${LINGER_MS}`]);
  await until("both have their shards", async () => {
    const views = await Promise.all([owner, other].map(shardsOf));
    return views.every(({ members, shards }) => {
      const isSettled = shards.every(({ state }) => state === "owned");
      return isSettled && members.filter(({ owned }) => owned > 0).length === 2;
    });
  });
  const carts = await cartsOf(owner);
  t.is(carts.length, 2 * COUNT);
  await Promise.all(carts.map(async (cart) => t.is((await addToken(owner.http, cart, "first")).status, 200)));

  const [written, read] = [carts.slice(0, COUNT), carts.slice(COUNT)];
  const adding = written.map((cart) => addToken(owner.http, cart, "of-the-owner"));
  await untilOpen(owner, COUNT);
  const wakeFunction = stopped(t, owner.userFunction);
  const reading = read.map((cart) => readCart(owner.http, cart));
  await untilOpen(owner, 2 * COUNT);
  const wakeOwner = stopped(t, owner.proxy);
  // What it answers is there when the owner wakes up.
  wakeFunction();

  await until("the other has all shards", async () => {
    const { members } = await shardsOf(other);
    return members.length === 1;
  });
  await Promise.all(
    carts.map(async (cart) => t.is((await addToken(other.http, cart, "of-the-other")).status, 200)),
  );
  wakeOwner();
  const added = await Promise.all(adding);
  const seen = await Promise.all(reading);
  const refusals = (): number =>
    owner.proxy.stdout.filter((line) => line === "the fence refuses an append").length;
  await until("all its appends are refused", () => refusals() >= COUNT, 20_000).catch(() => undefined);
  // Without the fence each is stored after that. An orderly end waits for it.
  await owner.proxy.kill("SIGTERM");
  const stored = await readCartLog(log);
  const violations = written.flatMap((cart, index) => {
    const isAdded = added[index]?.status === 200;
    const acknowledged = ["first", "of-the-other", ...(isAdded ? ["of-the-owner"] : [])];
    const sent = { acknowledged, unacknowledged: isAdded ? [] : ["of-the-owner"] };
    return checkHistory(sent, stored.get(cart) ?? [], tokenOf);
  });
  const refused = refusals();
  t.log(`the fence refused ${refused} of ${COUNT} appends`);
  t.log(added.map(({ status, errorCode }) => errorCode ?? status).join(", "));
  t.log(
    seen.map((cart) => (cart.kind === "cart" ? cart.tokens.join(" ") : cart.answer.errorCode)).join(", "),
  );
  if (violations.length > 0) t.log(violations[0]);
  return { added, seen, refused, violations };
}

natsSerialTest(
  "a paused owner that wakes up: its appends are refused, and no old answer leaves",
  async (t) => {
    const { added, seen, refused, violations } = await pausedOwner(t, "none");
    t.is(refused, COUNT);
    t.deepEqual(violations, []);
    // Whether one was stored cannot be known where its record was on the way to the log when the shard was lost.
    for (const { status, errorCode } of added) t.true(status === 200 || errorCode === "ANSWER_WITHHELD");
    // Nothing was stored, so it began again at the other one.
    for (const cart of seen) t.deepEqual(cart, { kind: "cart", tokens: ["first", "of-the-other"] });
  },
);

natsSerialTest("without the fence its appends are stored where they do not belong", async (t) => {
  const { violations } = await pausedOwner(t, "fence");
  t.true(violations.some(({ kind }) => kind === "gap"));
});
