// SPDX-License-Identifier: Apache-2.0

import type { HandlerContext } from "@perdure/sdk";
import { action } from "@perdure/sdk";

import type { OrderLine } from "./gen/pipeline/ordering_pb.ts";
import { Ordering } from "./gen/pipeline/ordering_pb.ts";
import { ShoppingCart } from "./gen/valueentity/shoppingcart/shoppingcart_pb.ts";

/** Product names by code. A real shop would look them up in another service. */
const PRODUCTS: ReadonlyMap<string, string> = new Map([
  ["4001", "Pen"],
  ["4002", "Ink"],
  ["4003", "Pencil"],
]);

export const ordering = action(Ordering, {
  // The plainest of actions: one message in, one out.
  find({ code }, { fail }) {
    const name = PRODUCTS.get(code);
    return name === undefined ? unknown(code, fail) : { code, name };
  },

  // The cart itself answers. Its reply already contains the added item, because the proxy waits for synchronous
  // effects before it forwards.
  order(line, { effect, forward, fail }) {
    if (!PRODUCTS.has(line.code)) return unknown(line.code, fail);
    putIntoCart(line, effect);
    return forward(ShoppingCart.method.getCart, { userId: line.userId });
  },

  // Many messages in, one message out. The loop ends after the caller's last message. It throws if the caller
  // disconnects.
  async orderAll(lines, { effect }) {
    const unknown = new Set<string>();
    let accepted = 0;
    for await (const line of lines) {
      if (PRODUCTS.has(line.code)) {
        putIntoCart(line, effect);
        accepted += 1;
      } else {
        unknown.add(line.code);
      }
    }
    return { accepted, unknownCodes: [...unknown] };
  },

  // One message in, many messages out. The next product is computed when the caller has taken the previous one.
  *search({ text }) {
    for (const [code, name] of PRODUCTS) {
      if (name.toLowerCase().includes(text.toLowerCase())) yield { code, name };
    }
  },

  // Many messages in, many messages out. Effects are sent together with the next answer.
  async *scan(lines, { effect, forward, fail }) {
    for await (const line of lines) {
      if (!PRODUCTS.has(line.code)) return unknown(line.code, fail);
      putIntoCart(line, effect);
      yield forward(ShoppingCart.method.getCart, { userId: line.userId });
    }
  },
});

/** Over HTTP the caller gets 404, over gRPC the status `NOT_FOUND`. */
function unknown(code: string, fail: HandlerContext["fail"]): never {
  return fail(`There is no product ${code}`, { code: "NOT_FOUND" });
}

function putIntoCart({ userId, code, quantity }: OrderLine, effect: HandlerContext["effect"]): void {
  const item = { userId, productId: code, name: PRODUCTS.get(code) ?? code, quantity: quantity || 1 };
  effect(ShoppingCart.method.addItem, item, { synchronous: true });
}
