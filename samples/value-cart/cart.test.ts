// SPDX-License-Identifier: Apache-2.0

import { create } from "@bufbuild/protobuf";
import { given } from "@perdure/sdk/testkit";
import test from "ava";

import { cart } from "./cart.ts";
import { CartSchema } from "./gen/valueentity/shoppingcart/persistence/domain_pb.ts";
import { CartSchema as CartReplySchema } from "./gen/valueentity/shoppingcart/shoppingcart_pb.ts";

const pen = { productId: "p1", name: "Pen", quantity: 2 };
const ink = { productId: "p2", name: "Ink", quantity: 1 };
const withPenAndInk = given(cart, "ann").state({ items: [pen, ink] });

test("adding an item puts it into the cart", async (t) => {
  const { state, change, afterwards } = await given(cart, "ann").when("addItem", pen);

  t.deepEqual(state, create(CartSchema, { items: [pen] }));
  t.is(change, "update");
  t.deepEqual((await afterwards.when("getCart")).reply, create(CartReplySchema, { items: [pen] }));
});

test("adding a product again adds to its quantity and keeps its place", async (t) => {
  const { state } = await withPenAndInk.when("addItem", { ...pen, quantity: 3 });

  t.deepEqual(state, create(CartSchema, { items: [{ ...pen, quantity: 5 }, ink] }));
});

test("a quantity below one is refused", async (t) => {
  for (const quantity of [0, -1]) {
    const { failure, failureCode, change } = await withPenAndInk.when("addItem", { ...pen, quantity });

    t.is(failure, `Cannot add a quantity of ${quantity} of item p1`);
    t.is(failureCode, "INVALID_ARGUMENT");
    t.is(change, undefined);
  }
});

test("removing a product takes all of it out; what is not there cannot be removed", async (t) => {
  const { state, afterwards } = await withPenAndInk.when("removeItem", { productId: "p1" });

  t.deepEqual(state, create(CartSchema, { items: [ink] }));
  const again = await afterwards.when("removeItem", { productId: "p1" });
  t.is(again.failure, "Cannot remove item p1, because it is not in the cart");
  t.is(again.failureCode, "NOT_FOUND");
});

test("a removed cart is as if it had never been, and may be filled anew", async (t) => {
  const { change, afterwards } = await withPenAndInk.when("removeCart");

  t.is(change, "delete");
  t.deepEqual((await afterwards.when("getCart")).reply, create(CartReplySchema));
  t.deepEqual((await afterwards.when("addItem", ink)).state, create(CartSchema, { items: [ink] }));
});
