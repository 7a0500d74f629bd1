// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { counterSpec } from "../lib/counter.ts";
import type { CounterCommand } from "../lib/counter-function.ts";
import { counterFunction } from "../lib/counter-function.ts";
import { httpClient } from "../lib/http-client.ts";
import { startWorld } from "../lib/local-proxy.ts";
import type { ProxyProcess, TestScope } from "../lib/processes.ts";
import { startProxyProcess, startShoppingCart, temporaryFolder } from "../lib/processes.ts";
import { startQueueProxy } from "../lib/queue-proxy.ts";
import { until } from "../lib/until.ts";

const ADD = "/perdure.test.Counter/Add";
const PEN = { productId: "p1", name: "Pen", quantity: 1 };
const CARTS = 20;
const SECRET = "the-secret-of-this-pod";

/** The environment variables that describe a pod. */
const POD = {
  K_SERVICE: "cart",
  K_REVISION: "cart-00001",
  POD_NAME: "cart-00001-deployment-x",
  POD_NAMESPACE: "shop",
};

function clients(scope: TestScope, { port, adminPort }: Pick<ProxyProcess, "port" | "adminPort">) {
  const http = httpClient(port);
  const admin = httpClient(adminPort);
  scope.teardown(() => {
    http.close();
    admin.close();
  });
  return { http, admin };
}

test.serial(
  "a pod ends: preStop, late requests, none any more, the user function goes, then SIGTERM",
  async (t) => {
    const userFunction = await startShoppingCart(t);
    const queueProxy = await startQueueProxy(t);
    const env = {
      ...POD,
      PERDURE_DRAIN_WAIT_URL: queueProxy.url,
      PERDURE_DRAIN_SECRET: SECRET,
      PERDURE_LOG: `sqlite:${temporaryFolder(t)}/log.db`,
      USER_FUNCTION_PORT: userFunction.port,
    };
    const proxy = await startProxyProcess(t, env);
    await proxy.ready();
    const { http, admin } = clients(t, proxy);
    const carts = Array.from({ length: CARTS }, (_, i) => `/cart/${i}/items/add`);
    await Promise.all(carts.map((path) => http.call(path, { body: PEN })));

    const preStop = admin.call("/drain", { headers: { "perdure-drain-secret": SECRET } });
    await until("queue-proxy is waited for", () => queueProxy.waiting.length === 1);
    t.like(await admin.call("/readyz"), {
      status: 503,
      body: "[-] drain: the proxy is draining\nnot ready\n",
    });
    t.like(await admin.call("/livez"), { status: 200 });
    const late = await Promise.all(carts.map((path) => http.call(path, { body: PEN })));
    t.true(late.every(({ status }) => status === 200));
    queueProxy.waiting[0]?.end();
    t.like(await preStop, { status: 200, body: "drained\n" });

    // Kubernetes now ends both containers, perhaps the user function's first. Requests are not expected any more, but
    // may still come.
    const isLost = () => proxy.stdout.some((line) => line.includes("connection ended"));
    const codes: string[] = [];
    const callers = carts.map(async () => {
      while (!isLost()) codes.push((await http.call("/carts/other")).errorCode ?? "OK");
    });
    await userFunction.kill("SIGTERM");
    await Promise.all(callers);
    t.is((await http.call("/carts/0")).errorCode, "USER_FUNCTION_UNAVAILABLE");
    t.deepEqual(await proxy.kill("SIGTERM"), { code: 0, signal: null });

    // The log has a line for each command whose stream broke and for each change of state, but not for each late
    // command.
    const lines = proxy.stdout.map((line) => JSON.parse(line) as Record<string, unknown>);
    const broken = codes.filter((code) => code === "ENTITY_STREAM_BROKEN").length;
    const bad = lines.filter(({ level }) => level !== "info");
    t.true(bad.length <= broken, proxy.stdout.join("\n"));
    t.true(lines.length - bad.length < 15, proxy.stdout.join("\n"));
    const places = lines.map(({ service, revision, pod, namespace }) =>
      [service, revision, pod, namespace].join(" "),
    );
    t.deepEqual([...new Set(places)], [Object.values(POD).join(" ")]);

    // The pod that comes after has everything that was acknowledged.
    await startShoppingCart(t, userFunction.port);
    const next = await startProxyProcess(t, env);
    await next.ready();
    const again = clients(t, next).http;
    for (let i = 0; i < CARTS; i++) {
      t.deepEqual(JSON.parse((await again.call(`/carts/${i}`)).body), { items: [{ ...PEN, quantity: 2 }] });
    }
  },
);

test.serial("a drained proxy that nobody stops is ready again, and keeps idle entities", async (t) => {
  const held: CounterCommand[] = [];
  const onMessage = counterFunction((command) => command.entityId === "slow" && held.push(command) > 0);
  const { proxy, userFunction, ready, readyz } = await startWorld(
    t,
    { spec: counterSpec(), onMessage },
    { PERDURE_DRAIN_ANSWER_TIMEOUT_MS: "50", PERDURE_DRAIN_RESET_TIMEOUT_MS: "2000" },
  );
  const { http, admin } = clients(t, proxy);
  await http.call(ADD, { body: { id: "idle", amount: 1 } });
  const slow = http.call(ADD, { body: { id: "slow", amount: 1 } });
  await until("the command is with the user function", () => held.length === 1);

  // The idle one may take longer than the 50 ms to leave memory, on a busy machine.
  const drained = await admin.call("/drain", { method: "POST" });
  t.is(drained.status, 200);
  t.regex(drained.body, /^not drained within 50 ms; entities in memory: [12]\n$/);
  t.is((await readyz()).status, 503);
  t.is(await userFunction.streams[0]?.ended, "completed");
  held[0]?.carryOut();
  t.like(await slow, { status: 200 });
  t.is(await userFunction.streams[1]?.ended, "completed");

  await ready();
  for (const amount of [2, 3]) {
    t.like(await http.call(ADD, { body: { id: "idle", amount: 1 } }), {
      body: `{"id":"","amount":${amount}}`,
    });
  }
  t.is(userFunction.streams.length, 3);
});
