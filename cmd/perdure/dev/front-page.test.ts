// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { ShoppingCart } from "../../../samples/shopping-cart/gen/shoppingcart/shoppingcart_pb.ts";
import { frontPage } from "./front-page.ts";
import { servedRoutes } from "./served.ts";
import type { Route } from "./try-lines.ts";

const { addItem, getCart } = ShoppingCart.method;
const ROUTES: Route[] = [
  { method: addItem, httpMethod: "POST", path: "/cart/{user_id}/items/add", body: "*" },
  { method: getCart, httpMethod: "GET", path: "/carts/{user_id}", body: "" },
  { method: getCart, httpMethod: "*", path: "/any/{user_id}", body: "" },
];

const page = frontPage(() => ({
  description: "carts <1.0>",
  routes: servedRoutes(ROUTES, { host: "127.0.0.1", port: 9000 }),
}));

function get(accept?: string): { type: string; body: string } {
  const { status, contentType, body } = page({ headers: accept === undefined ? {} : { accept } });
  if (status !== 200) throw new Error(String(status));
  return { type: contentType, body: String(body) };
}

test("each gets the form that it asks for", (t) => {
  const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
  t.is(get(browser).type, "text/html; charset=utf-8");
  t.is(get("application/json, text/html").type, "application/json");
  t.is(get("Application/JSON; charset=utf-8").type, "application/json");
  for (const accept of [undefined, "*/*", "text/plain", "image/png", ",;,", ""])
    t.is(get(accept).type, "text/plain; charset=utf-8");
});

test("text has a line to try each route", (t) => {
  const { body } = get();
  for (const line of [
    "carts <1.0>",
    "com.example.shoppingcart.ShoppingCart",
    "  GetCart  GET /carts/{user_id}",
    "    curl http://127.0.0.1:9000/carts/ann",
  ])
    t.true(body.split("\n").includes(line), line);
});

test("JSON has services, their methods, and each method's routes", (t) => {
  const { description, services } = JSON.parse(get("application/json").body) as {
    description: string;
    services: { name: string; methods: { name: string; http: object[]; grpc: { path: string } }[] }[];
  };
  t.is(description, "carts <1.0>");
  const [service] = services;
  t.is(service?.name, "com.example.shoppingcart.ShoppingCart");
  t.deepEqual(
    service?.methods.map(({ name, http, grpc }) => [name, http.length, grpc.path]),
    [
      ["AddItem", 1, "/com.example.shoppingcart.ShoppingCart/AddItem"],
      ["GetCart", 2, "/com.example.shoppingcart.ShoppingCart/GetCart"],
    ],
  );
  t.like(service?.methods[1]?.http[1], { method: "ANY", path: "/any/{user_id}" });
});

test("HTML shows the same, with nothing in it that the function's texts could begin", (t) => {
  const { body } = get("text/html");
  t.true(body.includes("<h1>carts &lt;1.0&gt;</h1>"));
  t.true(body.includes("<code>curl http://127.0.0.1:9000/carts/ann</code>"));
  t.true(body.includes("&#39;{&quot;productId&quot;:"));
  t.false(/<(?!\/?(?:html|head|meta|title|link|style|body|h1|h2|h3|p|pre|code)\b|!doctype)/.test(body));
});
