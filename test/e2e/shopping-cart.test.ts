// SPDX-License-Identifier: Apache-2.0

import { status } from "@grpc/grpc-js";
import test from "ava";

import { freePort, systemRandom } from "../../pkg/base/mod.ts";

import { ShoppingCart } from "../../samples/shopping-cart/gen/shoppingcart/shoppingcart_pb.ts";
import type { GrpcCaller } from "../lib/grpc-caller.ts";
import { grpcCaller, statusOf } from "../lib/grpc-caller.ts";
import type { HttpClient } from "../lib/http-client.ts";
import { httpClient } from "../lib/http-client.ts";
import { durableLogKinds, logKinds } from "../lib/log-kinds.ts";
import type { TestScope } from "../lib/processes.ts";
import { startProxyProcess, startShoppingCart } from "../lib/processes.ts";
import { until } from "../lib/until.ts";

const anyPort = () => freePort("127.0.0.1", systemRandom);

const { addItem, removeItem, getCart } = ShoppingCart.method;
const PEN = { productId: "p1", name: "Pen", quantity: 2 };

function clients(scope: TestScope, port: number): { readonly http: HttpClient; readonly grpc: GrpcCaller } {
  const http = httpClient(port);
  const grpc = grpcCaller(port);
  scope.teardown(() => {
    http.close();
    grpc.close();
  });
  return { http, grpc };
}

async function json(http: HttpClient, path: string): Promise<unknown> {
  const { status: code, body } = await http.call(path);
  return code === 200 ? JSON.parse(body) : `${code} ${body}`;
}

for (const kind of logKinds) {
  kind.test(`${kind.name}: a cart is served over HTTP and gRPC, refusals included`, async (t) => {
    const { address } = await kind.open(t);
    const userFunction = await startShoppingCart(t);
    const proxy = await startProxyProcess(t, {
      PERDURE_LOG: address,
      USER_FUNCTION_PORT: userFunction.port,
    });
    await proxy.ready();
    const { http, grpc } = clients(t, proxy.port);

    const added = await http.call("/cart/ann/items/add", { body: PEN });
    t.like(added, { status: 200, body: "{}", contentType: "application/json" });
    t.deepEqual(await json(http, "/carts/ann"), { items: [PEN] });
    t.deepEqual(await json(http, "/carts/ann/items"), [PEN]);
    t.deepEqual(await json(http, "/carts/bob"), { items: [] });

    await grpc.call(addItem, { userId: "ann", productId: "p2", name: "Ink", quantity: 1 });
    await grpc.call(addItem, { userId: "ann", ...PEN, quantity: 3 });
    t.like(await http.call("/cart/ann/items/p2/remove", { method: "POST" }), { status: 200, body: "{}" });
    await grpc.call(addItem, { userId: "ann", productId: "p3", name: "Cap", quantity: 1 });
    await grpc.call(removeItem, { userId: "ann", productId: "p3" });
    const { items } = await grpc.call(getCart, { userId: "ann" });
    t.deepEqual(
      items.map(({ productId, name, quantity }) => ({ productId, name, quantity })),
      [{ ...PEN, quantity: 5 }],
    );

    const refusal = "Cannot remove item p9, because it is not in the cart";
    const refused = await http.call("/cart/ann/items/p9/remove", { method: "POST" });
    t.like(refused, { status: 404, body: refusal, errorCode: "COMMAND_FAILED" });
    t.deepEqual(await statusOf(grpc.call(removeItem, { userId: "ann", productId: "p9" })), {
      code: status.NOT_FOUND,
      text: refusal,
    });

    // With every kind of log, a new user function gets the state of the killed one by replay.
    await userFunction.kill("SIGKILL");
    await startShoppingCart(t, userFunction.port);
    await until("the cart is served again", async () => (await http.call("/carts/ann")).status === 200);
    t.deepEqual(await json(http, "/carts/ann"), { items: [{ ...PEN, quantity: 5 }] });
  });
}

for (const kind of durableLogKinds) {
  kind.test(`${kind.name}: a cart outlives all its processes, when they are killed at once`, async (t) => {
    const log = await kind.open(t);
    const userFunction = await startShoppingCart(t);
    const env = {
      PERDURE_LOG: log.address,
      USER_FUNCTION_PORT: userFunction.port,
      HTTP_PORT: await anyPort(),
    };
    const proxy = await startProxyProcess(t, env);
    await proxy.ready();
    const { http, grpc } = clients(t, proxy.port);
    t.like(await http.call("/cart/ann/items/add", { body: PEN }), { status: 200 });
    await grpc.call(addItem, { userId: "ann", ...PEN, quantity: 3 });

    await Promise.all([proxy.kill("SIGKILL"), userFunction.kill("SIGKILL"), log.crash()]);
    const [again] = await Promise.all([startProxyProcess(t, env), startShoppingCart(t, userFunction.port)]);
    await again.ready();
    t.is(again.port, proxy.port);
    t.deepEqual(await json(http, "/carts/ann"), { items: [{ ...PEN, quantity: 5 }] });
    t.like(await http.call("/cart/ann/items/add", { body: PEN }), { status: 200 });
    t.deepEqual(await json(http, "/carts/ann"), { items: [{ ...PEN, quantity: 7 }] });
  });
}

test.serial("settings come from Cloudstate's variables, and a flag is stronger", async (t) => {
  const [userFunction, variable, flag] = await Promise.all([startShoppingCart(t), anyPort(), anyPort()]);
  const env = {
    HTTP_PORT: variable,
    USER_FUNCTION_HOST: "localhost",
    USER_FUNCTION_PORT: userFunction.port,
    PERDURE_LOG: "memory:",
  };
  const byVariable = await startProxyProcess(t, env);
  const byFlag = await startProxyProcess(t, env, {
    args: ["--http-port", String(flag), "--log-level", "debug"],
  });
  t.is(byVariable.port, variable);
  t.is(byFlag.port, flag);
  for (const proxy of [byVariable, byFlag]) {
    await proxy.ready();
    t.is(await json(clients(t, proxy.port).http, "/carts/ann/items").then(JSON.stringify), "[]");
  }
});

test.serial("a proxy that is started first waits for its user function, and says so", async (t) => {
  const port = await anyPort();
  const proxy = await startProxyProcess(t, { USER_FUNCTION_PORT: port, PERDURE_LOG: "memory:" });
  const { http, grpc } = clients(t, proxy.port);
  const admin = clients(t, proxy.adminPort).http;

  t.like(await admin.call("/livez"), { status: 200, body: "ok\n" });
  await until("it has looked once", async () => (await admin.call("/readyz")).body.includes("ECONNREFUSED"));
  const notReady = await admin.call("/readyz?verbose");
  t.is(notReady.status, 503);
  t.regex(
    notReady.body,
    /^\[\+\] log\n\[-\] user function: not reachable yet: .*ECONNREFUSED.*\nnot ready\n$/,
  );
  const refused = await http.call("/carts/ann");
  t.like(refused, { status: 503, errorCode: "USER_FUNCTION_UNAVAILABLE" });
  t.like(await statusOf(grpc.call(getCart, { userId: "ann" })), { code: status.UNAVAILABLE });

  await startShoppingCart(t, port);
  await proxy.ready();
  t.like(await admin.call("/readyz?verbose"), { status: 200, body: "[+] log\n[+] user function\nok\n" });
  t.like(await admin.call("/readyz"), { status: 200, body: "ok\n" });
  t.deepEqual(await json(http, "/carts/ann"), { items: [] });
  t.deepEqual((await grpc.call(getCart, { userId: "ann" })).items, []);
});
