// SPDX-License-Identifier: Apache-2.0

import type { DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import { create, toBinary } from "@bufbuild/protobuf";

import { Ordering } from "../../../samples/action-pipeline/gen/pipeline/ordering_pb.ts";
import { ShoppingCart } from "../../../samples/shopping-cart/gen/shoppingcart/shoppingcart_pb.ts";
import { ShoppingCart as ValueCart } from "../../../samples/value-cart/gen/valueentity/shoppingcart/shoppingcart_pb.ts";
import { cartId, ITEM } from "../carts.ts";
import type { LoadCall } from "../messages.ts";

const FRAME_HEADER_BYTES = 5;

interface Request {
  readonly method: DescMethodUnary;
  /** For the entity of this number. */
  readonly message: (entity: number) => Uint8Array;
}

const REQUESTS: Readonly<Record<LoadCall, Request>> = {
  addItem: request(ShoppingCart.method.addItem, (userId) => ({ userId, ...ITEM })),
  getCart: request(ShoppingCart.method.getCart, (userId) => ({ userId })),
  addToValue: request(ValueCart.method.addItem, (userId) => ({ userId, ...ITEM })),
  getValue: request(ValueCart.method.getCart, (userId) => ({ userId })),
  find: request(Ordering.method.find, () => ({ code: "4001" })),
};

function request<Method extends DescMethodUnary>(
  method: Method,
  init: (userId: string) => MessageInitShape<Method["input"]>,
): Request {
  return { method, message: (entity) => toBinary(method.input, create(method.input, init(cartId(entity)))) };
}

export function grpcPath(call: LoadCall): string {
  const { method } = REQUESTS[call];
  return `/${method.parent.typeName}/${method.name}`;
}

/** The request to one cart as a gRPC frame. */
export function grpcBody(call: LoadCall, entity: number): Buffer {
  const message = REQUESTS[call].message(entity);
  const frame = Buffer.alloc(FRAME_HEADER_BYTES + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, FRAME_HEADER_BYTES);
  return frame;
}

/** The whole request to one cart as HTTP/1.1 has it on the wire; only the event sourced cart is called like that. */
export function http1Request(call: LoadCall, entity: number): Buffer {
  const user = cartId(entity);
  if (call === "getCart") return Buffer.from(`GET /carts/${user} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`);
  if (call !== "addItem") throw new Error(`${call} is not called over HTTP/1.1`);
  const body = JSON.stringify(ITEM);
  return Buffer.from(
    `POST /cart/${user}/items/add HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n` +
      `content-length: ${body.length}\r\n\r\n${body}`,
  );
}
