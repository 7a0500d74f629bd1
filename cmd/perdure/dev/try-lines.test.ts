// SPDX-License-Identifier: Apache-2.0

import { execFileSync } from "node:child_process";

import type { DescMethod } from "@bufbuild/protobuf";
import test from "ava";

import { HttpRuleSchema } from "../../../pkg/protocol/gen/google/api/http_pb.ts";
import {
  AddLineItemSchema,
  ShoppingCart,
} from "../../../samples/shopping-cart/gen/shoppingcart/shoppingcart_pb.ts";
import type { Route } from "./try-lines.ts";
import { curlLine, grpcurlLine, quote } from "./try-lines.ts";

const BASE = "http://127.0.0.1:9000";
const { addItem, getCart, removeItem } = ShoppingCart.method;

const curl = (route: Omit<Route, "method">, method: DescMethod = addItem): string =>
  curlLine({ method, ...route }, BASE);

test("a body holds every field that is not in the path", (t) => {
  t.is(
    curl({ httpMethod: "POST", path: "/cart/{user_id}/items/add", body: "*" }),
    `curl -d '{"productId":"p1","name":"Pen","quantity":2}' -H 'content-type: application/json' ${BASE}/cart/ann/items/add`,
  );
});

test("a call without a body has none, and names its method where curl would take another", (t) => {
  t.is(curl({ httpMethod: "GET", path: "/carts/{user_id}", body: "" }, getCart), `curl ${BASE}/carts/ann`);
  t.is(
    curl({ httpMethod: "POST", path: "/cart/{user_id}/items/{product_id}/remove", body: "" }, removeItem),
    `curl -X POST ${BASE}/cart/ann/items/p1/remove`,
  );
  t.is(curl({ httpMethod: "*", path: "/any/{user_id}", body: "" }, getCart), `curl ${BASE}/any/ann`);
});

test("another method than POST with a body is named", (t) => {
  t.true(curl({ httpMethod: "PUT", path: "/cart/{user_id}", body: "*" }).startsWith("curl -X PUT -d '{"));
});

test("fields that are neither in the path nor in the body go into the query", (t) => {
  t.is(
    curl({ httpMethod: "GET", path: "/items/{product_id}", body: "" }),
    `curl '${BASE}/items/p1?userId=ann&name=Pen&quantity=2'`,
  );
});

test("patterns and wildcards of a path are filled in", (t) => {
  const path = "/v1/{user_id=users/*}/x/*/{product_id=**}:add";
  t.is(curl({ httpMethod: "POST", path, body: "*" }).split(" ").at(-1), `${BASE}/v1/users/ann/x/x/p1:add`);
});

test("a field of a message inside may stand in a path, and HEAD is asked as curl has it", (t) => {
  const method = { ...getCart, input: HttpRuleSchema };
  t.is(
    curl({ httpMethod: "HEAD", path: "/kinds/{custom.kind=of/*}", body: "" }, method).split("?")[0],
    `curl -I '${BASE}/kinds/of/kind`,
  );
});

test("grpcurl gets the whole message, the address and the method's full name", (t) => {
  t.is(AddLineItemSchema.fields.length, 4);
  t.is(
    grpcurlLine(addItem, "127.0.0.1:9000"),
    `grpcurl -plaintext -d '{"userId":"ann","productId":"p1","name":"Pen","quantity":2}' 127.0.0.1:9000 ` +
      "com.example.shoppingcart.ShoppingCart/AddItem",
  );
});

test("a quoted text reaches a program as it is", (t) => {
  for (const text of ["plain", "it's", `"$HOME" \`x\` \\ & | ; *`, "", "a\nb", "-n", "ä{}?"]) {
    t.is(execFileSync("/bin/sh", ["-c", `printf '%s.' ${quote(text)}`], { encoding: "utf8" }), `${text}.`);
  }
});
