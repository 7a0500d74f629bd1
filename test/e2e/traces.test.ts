// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { freePort, systemRandom } from "../../pkg/base/mod.ts";

import { httpClient } from "../lib/http-client.ts";
import { natsTest } from "../lib/nats/nats-test.ts";
import { startNatsServer } from "../lib/nats/server.ts";
import { startOtlpReceiver } from "../lib/otlp-receiver.ts";
import { startProxyProcess, startShoppingCart } from "../lib/processes.ts";
import { until } from "../lib/until.ts";

const PEN = { productId: "p1", name: "Pen", quantity: 2 };
const ADD = "com.example.shoppingcart.ShoppingCart.AddItem";

test("the start is a trace, a command is another, and each span has the right parent", async (t) => {
  const receiver = await startOtlpReceiver(t);
  const cart = await startShoppingCart(t);
  const proxy = await startProxyProcess(t, {
    PERDURE_LOG: "memory:",
    USER_FUNCTION_PORT: cart.port,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
    OTEL_BSP_SCHEDULE_DELAY: 50,
  });
  await proxy.ready();
  const http = httpClient(proxy.port);
  t.teardown(() => http.close());
  t.like(await http.call("/cart/ann/items/add", { body: PEN }), { status: 200 });
  await until("the command's span has arrived", () =>
    receiver.spans.some(({ name }) => name.endsWith("AddItem")),
  );
  t.like(await http.call("/cart/bob/items/add", { body: PEN }), { status: 200 });
  t.deepEqual(await proxy.kill("SIGTERM"), { code: 0, signal: null });

  const named = (name: string) => receiver.spans.filter((span) => span.name === name);
  const [start] = named("start");
  const children = receiver.spans.filter(({ parentSpanId }) => parentSpanId === start?.spanId);
  t.is(start?.parentSpanId, "");
  t.deepEqual(new Set(children.map(({ name }) => name)), START_PARTS);
  t.true(children.every(({ traceId }) => traceId === start?.traceId));
  const load = children.find(({ name }) => name === "load");
  t.is(load?.startNs, start?.startNs);
  t.true((load?.endNs ?? 0n) - (load?.startNs ?? 0n) > 1_000_000n, "loading takes more than a millisecond");

  t.is(named(ADD).length, 2, receiver.spans.map(({ name }) => name).join());
  for (const command of named(ADD)) {
    t.is(command.parentSpanId, "");
    t.is(command.kind, 2);
    t.is(command.attributes["rpc.method"], "com.example.shoppingcart.ShoppingCart/AddItem");
    const ofLog = receiver.spans.filter(({ parentSpanId }) => parentSpanId === command.spanId);
    t.is(ofLog.filter(({ name }) => name === "append").length, 1);
    t.true(ofLog.every(({ traceId }) => traceId === command.traceId));
  }
  const idsOf = (name: string) => new Set(named(name).map(({ spanId }) => spanId));
  t.deepEqual(new Set(named("activation").map(({ parentSpanId }) => parentSpanId)), idsOf(ADD));
  t.is(named(ADD).filter(({ attributes }) => attributes["faas.coldstart"] === "1").length, 1);
  t.true(named("activation").every(({ attributes }) => attributes["perdure.records"] === "0"));
  t.deepEqual(new Set(named("read").map(({ parentSpanId }) => parentSpanId)), idsOf("activation"));
  t.is(receiver.resource["service.name"], "perdure");
});

const START_PARTS = new Set([
  "load",
  "start admin",
  "start metrics",
  "start log",
  "start endpoint",
  "discovery",
]);

natsTest("on NATS the spans of the log are those of messages", async (t) => {
  const receiver = await startOtlpReceiver(t);
  const server = await startNatsServer();
  t.teardown(() => server.stop());
  const cart = await startShoppingCart(t);
  const proxy = await startProxyProcess(t, {
    PERDURE_LOG: `${server.url}/shop`,
    USER_FUNCTION_PORT: cart.port,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
  });
  await proxy.ready();
  const http = httpClient(proxy.port);
  t.teardown(() => http.close());
  t.like(await http.call("/cart/ann/items/add", { body: PEN }), { status: 200 });
  t.deepEqual(await proxy.kill("SIGTERM"), { code: 0, signal: null });

  const ofLog = { "perdure.entity.type": "shopping-cart", "messaging.system.name": "nats" };
  for (const [name, operation, type] of [
    ["append", "publish", "send"],
    ["read", "fetch", "receive"],
  ]) {
    const [span, ...others] = receiver.spans.filter((each) => each.name === name);
    t.deepEqual(others, []);
    const { "messaging.message.body.size": size, ...attributes } = span?.attributes ?? {};
    t.regex(attributes["messaging.destination.partition.id"] ?? "", /^\d+$/);
    t.like(attributes, {
      ...ofLog,
      "messaging.operation.name": operation,
      "messaging.operation.type": type,
    });
    t.is(Number(size) > 0, name === "append");
  }
});

test("a proxy whose receiver is not there serves, says so in one line, and ends in time", async (t) => {
  const cart = await startShoppingCart(t);
  const proxy = await startProxyProcess(t, {
    PERDURE_LOG: "memory:",
    USER_FUNCTION_PORT: cart.port,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort("127.0.0.1", systemRandom)}`,
    OTEL_BSP_SCHEDULE_DELAY: 50,
    OTEL_BSP_MAX_QUEUE_SIZE: 4,
  });
  await proxy.ready();
  const http = httpClient(proxy.port);
  t.teardown(() => http.close());
  for (let i = 0; i < 20; i++)
    t.like(await http.call(`/cart/c${i}/items/add`, { body: PEN }), { status: 200 });
  const isTrouble = (line: string): boolean => line.includes("spans could not be exported");
  await proxy.line("the trouble", (line) => isTrouble(line) || undefined);
  t.is(proxy.stdout.filter(isTrouble).length, 1);
  const metrics = await (await fetch(`http://127.0.0.1:${proxy.adminPort}/metrics`)).text();
  t.regex(metrics, /^perdure_spans_dropped_total\{reason="full"\} [1-9]/m);
  t.regex(metrics, /^perdure_spans_waiting 4$/m);
  t.deepEqual(await proxy.kill("SIGTERM"), { code: 0, signal: null });
  const dropped = proxy.stdout.filter(isTrouble).map((line) => (JSON.parse(line) as Dropped).dropped);
  t.true(dropped.reduce((sum, count) => sum + count, 0) > 20, dropped.join());
});

interface Dropped {
  readonly dropped: number;
}
