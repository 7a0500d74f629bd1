// SPDX-License-Identifier: Apache-2.0

import { create, toBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";

import { CommitSchema, messageTypeUrl } from "../../pkg/protocol/mod.ts";

import { ItemAddedSchema } from "../../samples/shopping-cart/gen/shoppingcart/persistence/domain_pb.ts";

/** Persistence id of the sample's carts. */
export const CART_TYPE = "shopping-cart";

/** What is added to a cart by every call: always the same, so that a cart does not grow with the run. */
export const ITEM = { productId: "p1", name: "Pen", quantity: 1 } as const;

/** The entity's id, by its number. */
export function cartId(entity: number): string {
  return `bench-${entity}`;
}

/** The first record of a cart, as the proxy writes it for a first `AddItem`. */
export function firstRecord(timeMs: number): Uint8Array {
  const event = create(AnySchema, {
    typeUrl: messageTypeUrl(ItemAddedSchema.typeName),
    value: toBinary(ItemAddedSchema, create(ItemAddedSchema, { item: ITEM })),
  });
  return toBinary(
    CommitSchema,
    create(CommitSchema, { firstSequence: 1n, events: [event], timeMs: BigInt(timeMs) }),
  );
}
