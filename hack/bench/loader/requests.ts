// SPDX-License-Identifier: Apache-2.0

import type { DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import { create, toBinary } from "@bufbuild/protobuf";

import { Ordering } from "../../../samples/action-pipeline/gen/pipeline/ordering_pb.ts";
import { ShoppingCart } from "../../../samples/shopping-cart/gen/shoppingcart/shoppingcart_pb.ts";
import { ShoppingCart as ValueCart } from "../../../samples/value-cart/gen/valueentity/shoppingcart/shoppingcart_pb.ts";
import type { LoadCall } from "./job.ts";

const FRAME_HEADER_BYTES = 5;

/** What is added to a cart by every call: always the same, so that a cart does not grow with the run. */
const ITEM = { productId: "p1", name: "Pen", quantity: 1 };

interface Request {
  readonly method: DescMethodUnary;
  readonly message: (userId: string) => Uint8Array;
}

const REQUESTS: Readonly<Record<LoadCall, Request>> = {
  addItem: request(ShoppingCart.method.addItem, (userId) => ({ userId, ...ITEM })),
  getCart: request(ShoppingCart.method.getCart, (userId) => ({ userId })),
  addToValue: request(ValueCart.method.addItem, (userId) => ({ userId, ...ITEM })),
  find: request(Ordering.method.find, () => ({ code: "4001" })),
};

function request<Method extends DescMethodUnary>(
  method: Method,
  init: (userId: string) => MessageInitShape<Method["input"]>,
): Request {
  return { method, message: (userId) => toBinary(method.input, create(method.input, init(userId))) };
}

/** The id of a cart, whatever its kind. */
export function cartId(entity: number): string {
  return `bench-${entity}`;
}

export function grpcPath(call: LoadCall): string {
  const { method } = REQUESTS[call];
  return `/${method.parent.typeName}/${method.name}`;
}

export function messageOf(call: LoadCall, entity: number): Uint8Array {
  return REQUESTS[call].message(cartId(entity));
}

/** The request to one cart as a gRPC frame. */
export function grpcBody(call: LoadCall, entity: number): Buffer {
  const message = messageOf(call, entity);
  const frame = Buffer.alloc(FRAME_HEADER_BYTES + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, FRAME_HEADER_BYTES);
  return frame;
}

/** The path of a cart over HTTP/1.1; only the event sourced cart is read like that. */
export function httpPath(entity: number): string {
  return `/carts/${cartId(entity)}`;
}

/** Returns a `make` that makes each entity's request only once, so that the encoding of requests is not measured. */
export function prepared<T>(make: (entity: number) => T): (entity: number) => T {
  const kept = new Map<number, T>();
  return (entity) => {
    const request = kept.get(entity) ?? make(entity);
    kept.set(entity, request);
    return request;
  };
}
