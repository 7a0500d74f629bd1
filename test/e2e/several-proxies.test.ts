// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import { freePort, systemRandom } from "../../pkg/base/mod.ts";
import type { ClusterView } from "../../pkg/cluster/node/mod.ts";

import type { CartAnswer } from "../lib/carts.ts";
import { addToken, readCart } from "../lib/carts.ts";
import { counterSpec } from "../lib/counter.ts";
import { ADD, counterAmount, counterFunction, GET } from "../lib/counter-function.ts";
import { grpcCaller } from "../lib/grpc-caller.ts";
import type { HttpClient } from "../lib/http-client.ts";
import { httpClient } from "../lib/http-client.ts";
import { natsTest } from "../lib/nats/nats-test.ts";
import { startNatsServer } from "../lib/nats/server.ts";
import type { ProxyProcess, TestScope } from "../lib/processes.ts";
import { startProcess, startProxyProcess, startShoppingCart } from "../lib/processes.ts";
import { startScriptedUserFunction } from "../lib/scripted-user-function.ts";
import { until } from "../lib/until.ts";

// Several proxies with a user function each share the entities of one service, over one nats-server.

const CARTS = Array.from({ length: 40 }, (_, index) => `cart-${index}`);

interface Pod {
  readonly proxy: ProxyProcess;
  readonly http: HttpClient;
}

function environmentOf(userFunctionPort: number, natsPort: number, name: string) {
  return {
    USER_FUNCTION_PORT: userFunctionPort,
    PERDURE_LOG: `nats://127.0.0.1:${natsPort}/shop`,
    PERDURE_LOG_DURABILITY: "relaxed",
    POD_NAME: name,
  };
}

/** @param functionPort of a function that runs, or will */
async function startPodProxy(
  scope: TestScope,
  natsPort: number,
  name: string,
  functionPort: number,
): Promise<Pod> {
  const proxy = await startProxyProcess(scope, environmentOf(functionPort, natsPort, name));
  const http = httpClient(proxy.port);
  scope.teardown(() => http.close());
  return { proxy, http };
}

async function startPod(scope: TestScope, natsPort: number, name: string): Promise<Pod> {
  const userFunction = await startShoppingCart(scope, 0);
  const pod = await startPodProxy(scope, natsPort, name, userFunction.port);
  await pod.proxy.ready();
  return pod;
}

async function startPods(scope: TestScope, names: readonly string[]) {
  const server = await startNatsServer();
  scope.teardown(() => server.stop());
  const pods = await Promise.all(names.map((name) => startPod(scope, server.port, name)));
  return { pods, start: (name: string) => startPod(scope, server.port, name) };
}

/** A pod whose user function takes `takesMs` for each command. `open` counts those that it has. */
async function startSlowPod(scope: TestScope, natsPort: number, name: string, takesMs: number) {
  let open = 0;
  const userFunction = await startScriptedUserFunction({
    spec: counterSpec(),
    onMessage: counterFunction(({ carryOut }) => {
      open++;
      setTimeout(() => {
        open--;
        carryOut();
      }, takesMs);
      return true;
    }),
  });
  scope.teardown(() => userFunction.kill());
  const proxy = await startProxyProcess(scope, environmentOf(userFunction.port, natsPort, name));
  await proxy.ready();
  const grpc = grpcCaller(proxy.port);
  scope.teardown(() => grpc.close());
  return { proxy, grpc, open: () => open };
}

/** Adds products to all carts while `work` is under way, each at the pod whose turn it is. Gives what was answered. */
async function whileAdding(
  pods: readonly Pod[],
  work: () => Promise<unknown>,
): Promise<Map<string, string[]>> {
  const answered = new Map(CARTS.map((cart) => [cart, [] as string[]]));
  const over = new AbortController();
  const callers = CARTS.map(async (cart, index) => {
    for (let round = 0; !over.signal.aborted; round++) {
      const pod = pods[(index + round) % pods.length];
      const token = `${cart}-${round}`;
      if (pod === undefined) return;
      const { status, body } = await addToken(pod.http, cart, token);
      if (status !== 200) throw new Error(`${cart}, round ${round}: ${status} ${body}`);
      answered.get(cart)?.push(token);
      const read = await readCart(pods[(index + round + 1) % pods.length]!.http, cart);
      if (!tokensOf(read).includes(token)) throw new Error(`${cart}: a read does not show ${token}`);
    }
  });
  await Promise.all([...callers, work().finally(() => over.abort())]);
  return answered;
}

/** Who owns what, as a pod knows it. */
async function shardsOf({ proxy }: Pick<Pod, "proxy">): Promise<ClusterView> {
  const answer = await fetch(`http://127.0.0.1:${proxy.adminPort}/shards?format=json`);
  return (await answer.json()) as ClusterView;
}

/** Owner and epoch of each shard, if the pod has joined and none moves. */
function ownersIn({ shards }: ClusterView): readonly string[] | undefined {
  if (shards.length === 0 || shards.some(({ state }) => state !== "owned")) return undefined;
  return shards.map(({ owner, epoch }) => `${owner} ${epoch}`);
}

/** Waits until these pods alone own all shards, and each knows it. Gives the number of each, by pod. */
async function untilSettled(
  pods: readonly Pick<Pod, "proxy">[],
  names: readonly string[],
): Promise<readonly number[]> {
  let views: readonly ClusterView[] = [];
  await until("the pods agree on who owns what", async () => {
    views = await Promise.all(pods.map(shardsOf));
    const [first, ...others] = views.map((view) => JSON.stringify(ownersIn(view)));
    const isComplete = views.every(({ members }) => members.map(({ pod }) => pod).join() === names.join());
    return first !== undefined && isComplete && others.every((other) => other === first);
  });
  return views[0]?.members.map(({ owned }) => owned) ?? [];
}

/** What `perdure shards` prints of a pod. */
async function printedShards(scope: TestScope, { proxy }: Pod): Promise<readonly string[]> {
  const main = join(import.meta.dirname, "../../cmd/perdure/main.ts");
  const { exited, stdout } = startProcess(scope, main, {}, ["shards", "--admin-port", `${proxy.adminPort}`]);
  await exited;
  return stdout;
}

function tokensOf(answer: CartAnswer): readonly string[] {
  if (answer.kind === "error") throw new Error(`${answer.answer.status} ${answer.answer.body}`);
  return answer.tokens;
}

natsTest("each entity is at one of three proxies, which all answer for all (I8, I9)", async (t) => {
  const { pods, start } = await startPods(t, ["pod-a", "pod-b", "pod-c"]);
  const [first, second, third] = pods;
  if (first === undefined || second === undefined || third === undefined) return t.fail();
  // One more comes, and one of the others ends, while callers of the first two read what they wrote.
  const answered = await whileAdding([first, second], async () => {
    await start("pod-d");
    t.deepEqual(await third.proxy.kill("SIGTERM"), { code: 0, signal: null });
  });
  for (const [cart, tokens] of answered) {
    t.true(tokens.length > 0);
    for (const { http } of [first, second])
      t.deepEqual([...tokensOf(await readCart(http, cart))].sort(), [...tokens].sort());
  }
});

/** Tells a proxy that its pod is going to end, and waits for its answer. */
async function drain({ proxy }: Pod): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${proxy.adminPort}/drain`, { method: "POST" });
  return (await answer.text()).trim();
}

async function ownedBy(pod: Pod, name: string): Promise<number> {
  const { members } = await shardsOf(pod);
  return members.find(({ pod: each }) => each === name)?.owned ?? 0;
}

natsTest(
  "a proxy that drains gives its entities away at once, and takes requests until it ends",
  async (t) => {
    const { pods, start } = await startPods(t, ["pod-a", "pod-b"]);
    const [first, second] = pods;
    if (first === undefined || second === undefined) return t.fail();
    await untilSettled(pods, ["pod-a", "pod-b"]);
    const answered = await whileAdding(pods, async () => {
      t.is(await drain(first), "drained");
      t.is(await ownedBy(first, "pod-a"), 0);
      await until("the other has all", async () => (await ownedBy(second, "pod-b")) === 1_024);
      // The only one that is left drains too. It keeps all, until somebody comes.
      t.is(await drain(second), "drained");
      t.is(await ownedBy(second, "pod-b"), 1_024);
      const third = await start("pod-c");
      await until("the third has all", async () => (await ownedBy(third, "pod-c")) === 1_024);
      for (const pod of pods)
        t.is((await fetch(`http://127.0.0.1:${pod.proxy.adminPort}/readyz`)).status, 503);
    });
    for (const { proxy } of pods) t.deepEqual(await proxy.kill("SIGTERM"), { code: 0, signal: null });
    t.true([...answered.values()].every((tokens) => tokens.length > 0));
  },
);

natsTest("a proxy that drains before it has found its function takes no entities from others", async (t) => {
  const server = await startNatsServer();
  t.teardown(() => server.stop());
  const first = await startPod(t, server.port, "pod-a");
  const functionPort = await freePort("127.0.0.1", systemRandom);
  const second = await startPodProxy(t, server.port, "pod-b", functionPort);
  await drain(second);
  await startShoppingCart(t, functionPort);
  await until("the first knows the second", async () => (await shardsOf(first)).members.length === 2);
  t.like((await shardsOf(first)).members, { 1: { pod: "pod-b", state: "leaving", owned: 0, due: 0 } });
});

natsTest("entities go where there is a user function, and come back with it", async (t) => {
  const server = await startNatsServer();
  t.teardown(() => server.stop());
  const first = await startPod(t, server.port, "pod-a");
  const functionPort = await freePort("127.0.0.1", systemRandom);
  const userFunction = await startShoppingCart(t, functionPort);
  const second = await startPodProxy(t, server.port, "pod-b", functionPort);
  await second.proxy.ready();
  const share = (await untilSettled([first, second], ["pod-a", "pod-b"]))[1] ?? 0;
  t.true(share > 0);

  await userFunction.kill("SIGKILL");
  await until("the other proxy has all", async () => (await ownedBy(first, "pod-a")) === 1_024);
  for (const cart of CARTS) t.is((await addToken(first.http, cart, `${cart}-1`)).status, 200);
  await startShoppingCart(t, functionPort);
  await until("it has its part again", async () => (await ownedBy(second, "pod-b")) === share);
});

natsTest("a proxy that is killed is replaced, and nothing that it answered is lost", async (t) => {
  const { pods } = await startPods(t, ["pod-a", "pod-b"]);
  const [first, second] = pods;
  if (first === undefined || second === undefined) return t.fail();
  const answered = await whileAdding([first, second], async () => undefined);
  await second.proxy.kill("SIGKILL");
  const startedMs = performance.now();
  for (const [cart, tokens] of answered)
    t.deepEqual([...tokensOf(await readCart(first.http, cart))].sort(), [...tokens].sort());
  t.log(`all carts were read ${((performance.now() - startedMs) / 1_000).toFixed(1)} s after the kill`);
});

natsTest("each proxy says who owns which shards, before and after one is killed", async (t) => {
  const { pods } = await startPods(t, ["pod-a", "pod-b"]);
  const [first, second] = pods;
  if (first === undefined || second === undefined) return t.fail();
  const owned = await untilSettled(pods, ["pod-a", "pod-b"]);
  t.is(owned[0]! + owned[1]!, 1_024);
  const printed = await printedShards(t, second);
  const rows = printed
    .filter((line) => line.startsWith("    pod-"))
    .map((line) => line.trim().split(/ {2,}/));
  t.deepEqual(
    rows.map(([member = "", , , , shards, due]) => [member.split(".")[0], shards, due]),
    ["pod-a", "pod-b"].map((name, index) => [name, `${owned[index]}`, `${owned[index]}`]),
  );
  t.is(rows[1]?.[1], "this one");
  t.is(printed.at(-1), "  moving  none");
  await second.proxy.kill("SIGKILL");
  t.deepEqual(await untilSettled([first], ["pod-a"]), [1_024]);
});

natsTest(
  "a proxy that is told to end answers the slow commands that others have sent to it (I9)",
  async (t) => {
    const server = await startNatsServer();
    t.teardown(() => server.stop());
    const start = (name: string) => startSlowPod(t, server.port, name, 1_000);
    const [first, second] = await Promise.all([start("pod-a"), start("pod-b")]);
    await untilSettled([first, second], ["pod-a", "pod-b"]);
    // Of each counter, one command comes to its owner and one through the other pod, and one waits for the other.
    const asked = CARTS.flatMap((id) =>
      [first, second].map(async ({ grpc }) => counterAmount(await grpc.call(ADD, { id, amount: 1 }))),
    );
    await until("all counters are at work", () => first.open() + second.open() === CARTS.length);
    t.true(second.open() > 5, `${second.open()} are at the pod that ends`);
    const ended = second.proxy.kill("SIGTERM");
    const totals = await Promise.all(asked);
    t.deepEqual(
      totals.toSorted((one, other) => one - other),
      [...CARTS.map(() => 1), ...CARTS.map(() => 2)],
    );
    t.deepEqual(await ended, { code: 0, signal: null });
    const after = CARTS.map(async (id) => counterAmount(await first.grpc.call(GET, { id })));
    t.deepEqual(
      await Promise.all(after),
      CARTS.map(() => 2),
    );
  },
);
