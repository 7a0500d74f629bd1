// SPDX-License-Identifier: Apache-2.0

import { valueEntity } from "@perdure/sdk";

import type { LineItem } from "./gen/valueentity/shoppingcart/persistence/domain_pb.ts";
import { CartSchema } from "./gen/valueentity/shoppingcart/persistence/domain_pb.ts";
import { ShoppingCart } from "./gen/valueentity/shoppingcart/shoppingcart_pb.ts";

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

/** The items with one more; a product that is already there keeps its place and gains in number. */
function add(items: readonly Item[], added: Item): Item[] {
  const there = items.some(({ productId }) => productId === added.productId);
  if (!there) return [...items, added];
  return items.map((item) =>
    item.productId === added.productId ? { ...item, quantity: item.quantity + added.quantity } : item,
  );
}
