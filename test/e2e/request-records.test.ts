// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";
import test from "ava";

import { Status } from "../../pkg/grpc/mod.ts";
import type { RequestRecord } from "../../pkg/proxy/mod.ts";
import { serve } from "../../pkg/sdk/mod.ts";

import { Ordering } from "../../samples/action-pipeline/gen/pipeline/ordering_pb.ts";
import { ordering } from "../../samples/action-pipeline/ordering.ts";
import { cart } from "../../samples/shopping-cart/cart.ts";
import { ShoppingCart } from "../../samples/shopping-cart/gen/shoppingcart/shoppingcart_pb.ts";
import { cart as valueCart } from "../../samples/value-cart/cart.ts";
import { ShoppingCart as ValueCart } from "../../samples/value-cart/gen/valueentity/shoppingcart/shoppingcart_pb.ts";
import { startLocalProxy } from "../lib/local-proxy.ts";

const PEN = { productId: "p1", name: "Pen", quantity: 2 };

/** A proxy in front of all samples, which records its requests. */
async function recording(t: ExecutionContext) {
  const records: RequestRecord[] = [];
  let wake = (): void => undefined;
  const entities = [cart, valueCart, ordering];
  const server = await serve({ entities, port: 0, handleSignals: false });
  const local = await startLocalProxy(t, server.port, {}, (record) => {
    records.push(record);
    wake();
  });
  t.teardown(() => server.close());
  await local.ready();
  /** The only record since the last call. */
  const record = async (): Promise<RequestRecord> => {
    while (records.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    const [first, ...others] = records.splice(0);
    t.deepEqual(others, []);
    return first as RequestRecord;
  };
  return { ...local, record };
}

const events = (id: string, count: number) => ({
  type: "shopping-cart",
  id,
  stored: { kind: "events", count },
});
const value = (id: string, change: string) => ({ type: "value-cart", id, stored: { kind: "value", change } });

test("an event sourced entity is recorded with its id and the events of this request", async (t) => {
  const { http, grpc, record } = await recording(t);
  await http.call("/cart/ann/items/add", { body: PEN });
  t.like(await record(), {
    method: "POST",
    target: "/cart/ann/items/add",
    status: 200,
    entity: events("ann", 1),
  });
  await http.call("/carts/ann");
  t.like(await record(), { status: 200, entity: events("ann", 0) });
  await http.call("/cart/bob/items/p9/remove", { method: "POST" });
  const refused = await record();
  t.like(refused, { code: "COMMAND_FAILED", entity: events("bob", 0) });
  await grpc.call(ShoppingCart.method.addItem, { userId: "ann", ...PEN });
  const { typeName } = ShoppingCart;
  t.like(await record(), {
    protocol: "grpc",
    target: `/${typeName}/AddItem`,
    status: Status.OK,
    entity: events("ann", 1),
  });
});

test("a value entity is recorded with whether its value was written or deleted", async (t) => {
  const { grpc, record } = await recording(t);
  const { addItem, getCart, removeCart } = ValueCart.method;
  await grpc.call(addItem, { userId: "ann", ...PEN });
  t.deepEqual((await record()).entity as unknown, value("ann", "written"));
  await grpc.call(getCart, { userId: "ann" });
  t.deepEqual((await record()).entity as unknown, value("ann", "none"));
  await grpc.call(removeCart, { userId: "ann" });
  t.deepEqual((await record()).entity as unknown, value("ann", "deleted"));
});

test("an action is recorded without an entity, or with the one that it forwards to", async (t) => {
  const { http, grpc, record } = await recording(t);
  await http.call("/products/4001");
  t.like(await record(), { target: "/products/4001", status: 200, entity: undefined });
  await grpc.call(Ordering.method.order, { userId: "ann", code: "4001", quantity: 1 });
  // The record does not include what the side effect has stored.
  t.deepEqual((await record()).entity as unknown, value("ann", "none"));
});

test("what never comes to an entity has none", async (t) => {
  const { http, record } = await recording(t);
  await http.call("/nowhere");
  t.like(await record(), { status: 404, code: "UNKNOWN_PATH", entity: undefined });
  await http.call("/cart/ann/items/add", { body: "{" });
  t.like(await record(), { status: 400, entity: undefined });
});
