// SPDX-License-Identifier: Apache-2.0

import { eventSourced, on } from "@perdure/sdk";

import type { Cart, LineItem } from "./gen/shoppingcart/persistence/domain_pb.ts";
import { CartSchema, ItemAddedSchema, ItemRemovedSchema } from "./gen/shoppingcart/persistence/domain_pb.ts";
import { ShoppingCart } from "./gen/shoppingcart/shoppingcart_pb.ts";

/** The greatest that an `int32` of the protos holds: a state that cannot be written could not be kept. */
const MAX_QUANTITY = 2_147_483_647;

export const cart = eventSourced(ShoppingCart, CartSchema, {
  persistenceId: "shopping-cart",

  // Commands decide: they emit what happened, or refuse.
  commands: {
    addItem({ productId, name, quantity }, { state, emit, fail }) {
      if (quantity <= 0) {
        return fail(`Cannot add a quantity of ${quantity} of item ${productId}`, {
          code: "INVALID_ARGUMENT",
        });
      }
      const before = find(state, productId)?.quantity ?? 0;
      if (before + quantity > MAX_QUANTITY) {
        return fail(`Cannot add ${quantity} to the ${before} of item ${productId}`, { code: "OUT_OF_RANGE" });
      }
      emit(ItemAddedSchema, { item: { productId, name, quantity } });
    },

    removeItem({ productId }, { state, emit, fail }) {
      if (find(state, productId) === undefined) {
        return fail(`Cannot remove item ${productId}, because it is not in the cart`, { code: "NOT_FOUND" });
      }
      emit(ItemRemovedSchema, { productId });
    },

    getCart(_command, { state }) {
      return { items: state.items.map(({ productId, name, quantity }) => ({ productId, name, quantity })) };
    },
  },

  // Events change the state: now, and again whenever the cart is read back from the log.
  events: [
    on(ItemAddedSchema, (cart, { item }) => (item === undefined ? cart : add(cart, item))),
    on(ItemRemovedSchema, (cart, { productId }) => ({
      items: cart.items.filter((item) => item.productId !== productId),
    })),
  ],
});

/** A cart with the item in it; a product that is already there keeps its place and gains in number. */
function add(cart: Cart, added: LineItem): Pick<Cart, "items"> {
  if (find(cart, added.productId) === undefined) return { items: [...cart.items, added] };
  return {
    items: cart.items.map((item) =>
      item.productId === added.productId ? { ...item, quantity: item.quantity + added.quantity } : item,
    ),
  };
}

function find(cart: Cart, productId: string): LineItem | undefined {
  return cart.items.find((item) => item.productId === productId);
}
