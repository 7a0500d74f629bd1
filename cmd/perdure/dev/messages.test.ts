// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { ShoppingCart } from "../../../samples/shopping-cart/gen/shoppingcart/shoppingcart_pb.ts";
import type { FunctionFacts } from "./messages.ts";
import { changeLines, generatorLines, newsLines, servedLines, typeLines } from "./messages.ts";
import type { Exit } from "./restart-policy.ts";
import { changesBetween, servedRoutes } from "./served.ts";
import { PLAIN } from "./style.ts";
import type { Route } from "./try-lines.ts";

const { addItem, getCart, removeItem } = ShoppingCart.method;
const ADDRESS = { host: "127.0.0.1", port: 9000 };

const ADD: Route = { method: addItem, httpMethod: "POST", path: "/cart/{user_id}/items/add", body: "*" };
const GET: Route = { method: getCart, httpMethod: "GET", path: "/carts/{user_id}", body: "" };
const REMOVE: Route = { method: removeItem, httpMethod: "*", path: "/cart/{user_id}/remove", body: "" };

const FACTS: FunctionFacts = { command: "node main.ts", address: "127.0.0.1:20000", lastErrors: ["boom"] };

test("every route is printed with a line to try it, and each service with one for gRPC", (t) => {
  t.deepEqual(servedLines(servedRoutes([ADD, GET], ADDRESS), PLAIN), [
    "com.example.shoppingcart.ShoppingCart",
    "  AddItem  POST /cart/{user_id}/items/add",
    `    curl -d '{"productId":"p1","name":"Pen","quantity":2}' -H 'content-type: application/json' ` +
      "http://127.0.0.1:9000/cart/ann/items/add",
    "  GetCart  GET /carts/{user_id}",
    "    curl http://127.0.0.1:9000/carts/ann",
    "  the same over gRPC",
    `    grpcurl -plaintext -d '{"userId":"ann","productId":"p1","name":"Pen","quantity":2}' 127.0.0.1:9000 ` +
      "com.example.shoppingcart.ShoppingCart/AddItem",
    "",
  ]);
});

test("a second look tells only what is different", (t) => {
  const before = servedRoutes([ADD, GET], ADDRESS);
  t.deepEqual(changesBetween(before, servedRoutes([GET, ADD], ADDRESS)), []);

  const bodyless: Route = { ...ADD, body: "" };
  const changes = changesBetween(before, servedRoutes([bodyless, REMOVE], ADDRESS));
  t.deepEqual(changeLines(changes, PLAIN), [
    "- GetCart  GET /carts/{user_id}",
    "~ AddItem  POST /cart/{user_id}/items/add",
    "    curl -X POST 'http://127.0.0.1:9000/cart/ann/items/add?productId=p1&name=Pen&quantity=2'",
    "+ RemoveItem  ANY /cart/{user_id}/remove",
    "    curl 'http://127.0.0.1:9000/cart/ann/remove?productId=p1'",
  ]);
});

test("a restart is one line with its reason and its time", (t) => {
  const line = (files: readonly string[]) =>
    newsLines({ kind: "restarted", reason: { kind: "changed", files }, tookMs: 312.4 }, FACTS, PLAIN);
  t.deepEqual(line(["cart.ts"]), ["restarted after a change of cart.ts (312 ms)"]);
  t.deepEqual(line(["a", "b", "c", "d", "e"]), ["restarted after a change of a, b, c and 2 more (312 ms)"]);
});

test("an exit tells its code and what happens next; the last one its last lines too", (t) => {
  const exit: Exit = { kind: "code", code: 7 };
  const served = { kind: "exited", exit, hasServed: true } as const;
  t.deepEqual(newsLines({ ...served, next: { kind: "retry", inMs: 400 } }, FACTS, PLAIN), [
    "the function ended with exit code 7; it is started again in 400 ms",
  ]);
  t.deepEqual(newsLines({ ...served, next: { kind: "change" } }, FACTS, PLAIN), [
    "the function ended with exit code 7, again and again",
    "its last lines were:",
    "  boom",
    "it is started again when a file changes",
  ]);
  const atOnce = { ...served, hasServed: false, next: { kind: "change" } } as const;
  t.deepEqual(newsLines(atOnce, { ...FACTS, lastErrors: [] }, PLAIN), [
    "the function ended with exit code 7, before it served anything",
    "it is started again when a file changes",
  ]);
});

test("a generator that fails is told with its lines, none with the ways to have one", (t) => {
  const lines = Array.from({ length: 25 }, (_, i) => `cart.proto:${i}:1: wrong`);
  const told = generatorLines({ exit: { kind: "code", code: 100 }, lines, more: 3 }, PLAIN);
  t.is(told[0], "code could not be generated (exit code 100); the function goes on as it is");
  t.is(told[1], "  cart.proto:0:1: wrong");
  t.is(told.at(-1), "  … and 8 more lines");
  t.regex(generatorLines(undefined, PLAIN).join(" "), /script "generate".*buf\.gen\.yaml/);
});

test("types that do not fit are told with where, and when they fit again", (t) => {
  const error = "cart.ts(1,7): error TS2322: wrong";
  t.deepEqual(typeLines({ kind: "wrong", lines: [error], more: 0 }, PLAIN), [
    "types do not fit; this alone does not stop the function",
    `  ${error}`,
  ]);
  t.deepEqual(typeLines({ kind: "right again" }, PLAIN), ["types fit again"]);
  t.deepEqual(typeLines({ kind: "unchecked", lines: ["there is no tsc"] }, PLAIN), [
    "types could not be checked",
    "  there is no tsc",
  ]);
});

test("a function that does not listen is told where it should", (t) => {
  const lines = newsLines({ kind: "silent", afterMs: 15_000 }, FACTS, PLAIN).join(" ");
  for (const part of ["15 s", "127.0.0.1:20000", "node main.ts", "HOST and PORT"])
    t.true(lines.includes(part), part);
});
