// SPDX-License-Identifier: Apache-2.0

import { create, toBinary } from "@bufbuild/protobuf";

import {
  AddLineItemSchema,
  GetShoppingCartSchema,
  ShoppingCart,
} from "../../../samples/shopping-cart/gen/shoppingcart/shoppingcart_pb.ts";
import { cartId, ITEM } from "../carts.ts";
import type { LoadCall } from "../messages.ts";

const FRAME_HEADER_BYTES = 5;

export function grpcPath(call: LoadCall): string {
  return `/${ShoppingCart.typeName}/${ShoppingCart.method[call].name}`;
}

/** The request to one cart as a gRPC frame. */
export function grpcBody(call: LoadCall, entity: number): Buffer {
  const userId = cartId(entity);
  const message =
    call === "getCart"
      ? toBinary(GetShoppingCartSchema, create(GetShoppingCartSchema, { userId }))
      : toBinary(AddLineItemSchema, create(AddLineItemSchema, { userId, ...ITEM }));
  const frame = Buffer.alloc(FRAME_HEADER_BYTES + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, FRAME_HEADER_BYTES);
  return frame;
}

/** The whole request to one cart as HTTP/1.1 has it on the wire. */
export function http1Request(call: LoadCall, entity: number): Buffer {
  const user = cartId(entity);
  if (call === "getCart") return Buffer.from(`GET /carts/${user} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`);
  const body = JSON.stringify(ITEM);
  return Buffer.from(
    `POST /cart/${user}/items/add HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n` +
      `content-length: ${body.length}\r\n\r\n${body}`,
  );
}
