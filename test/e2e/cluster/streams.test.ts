// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import test from "ava";
import { WebSocket } from "ws";

import { Ordering, OrderLineSchema } from "../../../samples/action-pipeline/gen/pipeline/ordering_pb.ts";
import { CartSchema } from "../../../samples/action-pipeline/gen/valueentity/shoppingcart/shoppingcart_pb.ts";
import { httpClient } from "../../lib/http-client.ts";
import { CART_IMAGE, connectToCart, createCart, deleteService, STATEFUL } from "./lib/cart-service.ts";
import { cluster, kn } from "./lib/command-line.ts";

const IMAGE = "dev.local/action-pipeline";

test.serial("streams of all shapes go through gateway, activator, queue-proxy and proxy", async (t) => {
  await deleteService("pipeline");
  await kn("service", "create", "pipeline", "--image", IMAGE, "--port", "h2c:8080", ...STATEFUL);
  t.teardown(() => deleteService("pipeline"));
  const gateway = await cluster.gateway();
  const host = "pipeline.default.example.test";

  const http = httpClient(Number(gateway.port), { host: gateway.hostname });
  t.teardown(() => http.close());
  const events = await http.call("/products?text=pen", { headers: { host, accept: "text/event-stream" } });
  t.like(events, { status: 200, contentType: "text/event-stream" });
  t.is(events.body.match(/^data: \{"code":"400[13]","name":"Pen(cil)?"\}$/gm)?.length, 2);
  const lines = await http.call("/products?text=pen", { headers: { host } });
  t.is(lines.body.trim().split("\n").length, 2);

  // Each code is answered before the next one is sent: nothing on the way holds messages back.
  const client = new Client(gateway.host, credentials.createInsecure(), { "grpc.default_authority": host });
  t.teardown(() => client.close());
  const { scan } = Ordering.method;
  const call = client.makeBidiStreamRequest<Uint8Array, Buffer>(
    `/${Ordering.typeName}/${scan.name}`,
    (bytes) => Buffer.from(bytes),
    (bytes) => bytes,
  );
  const user = `ann-${Date.now()}`;
  const replies = call[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  for (const [index, code] of ["4001", "4002", "4003"].entries()) {
    call.write(toBinary(OrderLineSchema, create(OrderLineSchema, { userId: user, code })));
    const { value } = await replies.next();
    t.is(fromBinary(CartSchema, value as Buffer).items.length, index + 1);
  }
  call.end();
  t.true((await replies.next()).done);
});

test.serial("a service of HTTP/1.1 has everything but gRPC", async (t) => {
  await deleteService("http1");
  await kn("service", "create", "http1", "--image", CART_IMAGE, ...STATEFUL);
  t.teardown(() => deleteService("http1"));
  const cart = await connectToCart(t, "http1");
  const user = `ann-${Date.now()}`;
  const pen = { productId: "p1", name: "Pen", quantity: 2 };
  t.like(await cart.http(`/cart/${user}/items/add`, { body: pen }), { status: 200 });
  t.like(await cart.http(`/carts/${user}/items`), { status: 200, body: JSON.stringify([pen]) });
});

test.serial("a WebSocket to a service of HTTP/1.1: each message is answered as it comes", async (t) => {
  await deleteService("till");
  await kn("service", "create", "till", "--image", IMAGE, ...STATEFUL);
  t.teardown(() => deleteService("till"));
  const gateway = await cluster.gateway();
  const headers = { host: "till.default.example.test" };
  const till = new WebSocket(`ws://${gateway.host}/${Ordering.typeName}/${Ordering.method.scan.name}`, {
    headers,
  });
  t.teardown(() => till.terminate());
  await once(till, "open");
  const user = `ann-${Date.now()}`;
  for (const [index, code] of ["4001", "4002"].entries()) {
    const answered = once(till, "message");
    till.send(JSON.stringify({ userId: user, code }));
    const [answer] = (await answered) as [Buffer];
    const { items } = JSON.parse(answer.toString()) as { readonly items: readonly unknown[] };
    t.is(items.length, index + 1);
  }
  const closed = once(till, "close");
  till.send("");
  t.is((await closed)[0], 1_000);
});

test.serial("containerConcurrency of one: commands wait their turn, and all are answered", async (t) => {
  const cart = await createCart(t, "narrow", [...STATEFUL, "--concurrency-limit", "1", "--scale-max", "1"]);
  const user = `ann-${Date.now()}`;
  await Promise.all(Array.from({ length: 50 }, (_, i) => cart.add(user, `p${i}`)));
  t.is((await cart.items(user)).size, 50);
});
