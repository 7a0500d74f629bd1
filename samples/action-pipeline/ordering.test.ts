// SPDX-License-Identifier: Apache-2.0

import { create } from "@bufbuild/protobuf";
import { call } from "@perdure/sdk/testkit";
import test from "ava";

import { OrderSummarySchema, ProductSchema } from "./gen/pipeline/ordering_pb.ts";
import { AddLineItemSchema, GetShoppingCartSchema } from "./gen/valueentity/shoppingcart/shoppingcart_pb.ts";
import { ordering } from "./ordering.ts";

const ADD = "com.example.valueentity.shoppingcart.ShoppingCart/AddItem";
const GET = "com.example.valueentity.shoppingcart.ShoppingCart/GetCart";
const added = (productId: string, name: string, quantity = 1) =>
  create(AddLineItemSchema, { userId: "ann", productId, name, quantity });

test("a product is found by its code", async (t) => {
  const { reply } = await call(ordering, "find", { code: "4001" });
  t.deepEqual(reply, create(ProductSchema, { code: "4001", name: "Pen" }));

  const { failure, failureCode } = await call(ordering, "find", { code: "1" });
  t.is(failure, "There is no product 1");
  t.is(failureCode, "NOT_FOUND");
});

test("an order puts the product into the cart first, and then the cart answers", async (t) => {
  const { effects, forward } = await call(ordering, "order", { userId: "ann", code: "4001", quantity: 2 });

  t.like(effects, [{ to: ADD, synchronous: true }]);
  t.deepEqual(effects[0]?.message, added("4001", "Pen", 2));
  t.is(forward?.to, GET);
  t.deepEqual(forward?.message, create(GetShoppingCartSchema, { userId: "ann" }));
});

test("an order of what there is not is refused", async (t) => {
  const { failure, failureCode, effects } = await call(ordering, "order", { userId: "ann", code: "1" });

  t.is(failure, "There is no product 1");
  t.is(failureCode, "NOT_FOUND");
  t.deepEqual(effects, []);
});

test("an order of many puts in what there is, and names what there is not once", async (t) => {
  const codes = ["4001", "1", "4002", "1"];
  const { reply, effects } = await call(
    ordering,
    "orderAll",
    codes.map((code) => ({ userId: "ann", code })),
  );

  t.deepEqual(reply, create(OrderSummarySchema, { accepted: 2, unknownCodes: ["1"] }));
  t.deepEqual(
    effects.map(({ message }) => message),
    [added("4001", "Pen"), added("4002", "Ink")],
  );
});

test("a search gives the products one by one", async (t) => {
  const names: string[] = [];
  for await (const { reply } of call(ordering, "search", { text: "pen" })) names.push(reply.name);

  t.deepEqual(names, ["Pen", "Pencil"]);
});

test("each scan is answered by the cart, with its own effect; an unknown code ends it", async (t) => {
  const lines = ["4001", "4002", "1", "4003"].map((code) => ({ userId: "ann", code }));
  const answers = await call(ordering, "scan", lines).all();

  t.deepEqual(
    answers.map(({ forward, failure, effects }) => [forward?.to ?? failure, effects.length]),
    [
      [GET, 1],
      [GET, 1],
      ["There is no product 1", 0],
    ],
  );
});
