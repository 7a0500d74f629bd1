// SPDX-License-Identifier: Apache-2.0

import { create } from "@bufbuild/protobuf";
import { given } from "@perdure/sdk/testkit";
import test from "ava";

import { cart } from "./cart.ts";
import { CartSchema, ItemAddedSchema, ItemRemovedSchema } from "./gen/shoppingcart/persistence/domain_pb.ts";
import { CartSchema as CartReplySchema } from "./gen/shoppingcart/shoppingcart_pb.ts";

const pen = { productId: "p1", name: "Pen", quantity: 2 };
const ink = { productId: "p2", name: "Ink", quantity: 1 };
const withPen = given(cart, "ann").event(ItemAddedSchema, { item: pen });
const withPenAndInk = withPen.event(ItemAddedSchema, { item: ink });

test("adding an item puts it into the cart", async (t) => {
  const { events, afterwards } = await given(cart, "ann").when("addItem", pen);

  t.deepEqual(events, [create(ItemAddedSchema, { item: pen })]);
  t.deepEqual((await afterwards.when("getCart")).reply, create(CartReplySchema, { items: [pen] }));
});

test("adding a product again adds to its quantity and keeps its place", async (t) => {
  const { state } = await withPenAndInk.when("addItem", { ...pen, quantity: 3 });

  t.deepEqual(state, create(CartSchema, { items: [{ ...pen, quantity: 5 }, ink] }));
});

test("a quantity below one is refused", async (t) => {
  for (const quantity of [0, -1]) {
    const { failure, failureCode, events } = await withPen.when("addItem", { ...pen, quantity });

    t.is(failure, `Cannot add a quantity of ${quantity} of item p1`);
    t.is(failureCode, "INVALID_ARGUMENT");
    t.deepEqual(events, []);
  }
});

test("more than a number of the protos holds is refused", async (t) => {
  const { failure, failureCode, events } = await withPen.when("addItem", { ...pen, quantity: 2_147_483_646 });

  t.is(failure, "Cannot add 2147483646 to the 2 of item p1");
  t.is(failureCode, "OUT_OF_RANGE");
  t.deepEqual(events, []);
});

test("removing a product takes all of it out", async (t) => {
  const { events, state } = await withPenAndInk.when("removeItem", { productId: "p1" });

  t.deepEqual(events, [create(ItemRemovedSchema, { productId: "p1" })]);
  t.deepEqual(state, create(CartSchema, { items: [ink] }));
});

test("removing what is not in the cart is refused", async (t) => {
  const { failure, failureCode } = await withPen.when("removeItem", { productId: "p2" });

  t.is(failure, "Cannot remove item p2, because it is not in the cart");
  t.is(failureCode, "NOT_FOUND");
});

test("a cart that was read back from a snapshot goes on from there", async (t) => {
  const { state } = await given(cart, "ann")
    .state({ items: [pen] }, 100)
    .when("addItem", ink);

  t.deepEqual(state, create(CartSchema, { items: [pen, ink] }));
});
