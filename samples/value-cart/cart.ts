// SPDX-License-Identifier: Apache-2.0

import { valueEntity } from "@perdure/sdk";

import type { LineItem } from "./gen/valueentity/shoppingcart/persistence/domain_pb.ts";
import { CartSchema } from "./gen/valueentity/shoppingcart/persistence/domain_pb.ts";
import { ShoppingCart } from "./gen/valueentity/shoppingcart/shoppingcart_pb.ts";

/**
 * The largest value of an `int32` field. A state with a larger quantity could not be serialized, and so not be
 * stored.
 */
const MAX_QUANTITY = 2_147_483_647;

export const cart = valueEntity(ShoppingCart, CartSchema, {
  persistenceId: "value-cart",

  // Commands decide: they replace the state, remove it, or refuse.
  commands: {
    addItem({ productId, name, quantity }, { state, update, fail }) {
      if (quantity <= 0) {
        return fail(`Cannot add a quantity of ${quantity} of item ${productId}`, {
          code: "INVALID_ARGUMENT",
        });
      }
      const before = state.items.find((item) => item.productId === productId)?.quantity ?? 0;
      if (before + quantity > MAX_QUANTITY) {
        return fail(`Cannot add ${quantity} to the ${before} of item ${productId}`, { code: "OUT_OF_RANGE" });
      }
      update({ items: add(state.items, { productId, name, quantity }) });
    },

    removeItem({ productId }, { state, update, fail }) {
      const items = state.items.filter((item) => item.productId !== productId);
      if (items.length === state.items.length) {
        return fail(`Cannot remove item ${productId}, because it is not in the cart`, { code: "NOT_FOUND" });
      }
      update({ items });
    },

    getCart(_command, { state }) {
      return { items: state.items.map(({ productId, name, quantity }) => ({ productId, name, quantity })) };
    },

    removeCart(_command, { remove }) {
      remove();
    },
  },
});

type Item = Pick<LineItem, "productId" | "name" | "quantity">;

/** Adds an item to the list. A product that is already in the list keeps its place, and its quantity grows. */
function add(items: readonly Item[], added: Item): Item[] {
  const there = items.some(({ productId }) => productId === added.productId);
  if (!there) return [...items, added];
  return items.map((item) =>
    item.productId === added.productId ? { ...item, quantity: item.quantity + added.quantity } : item,
  );
}
