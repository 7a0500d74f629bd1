// SPDX-License-Identifier: Apache-2.0

import { randomUUID } from "node:crypto";

import { ShoppingCart } from "../../../../samples/shopping-cart/gen/shoppingcart/shoppingcart_pb.ts";
import type { GrpcCaller } from "../../../lib/grpc-caller.ts";
import { grpcCaller } from "../../../lib/grpc-caller.ts";
import type { HttpAnswer, HttpCall } from "../../../lib/http-client.ts";
import { httpClient } from "../../../lib/http-client.ts";
import type { TestScope } from "../../../lib/processes.ts";
import type { Account, SentCommand } from "./account.ts";
import { account } from "./account.ts";
import { cluster, kn } from "./command-line.ts";
import type { PacedLoad } from "./paced-load.ts";
import { markOf, startLoad } from "./paced-load.ts";

export const CART_IMAGE = "dev.local/shopping-cart";
export const STATEFUL = ["--annotation", "perdure.dev/stateful=true"] as const;

/** How a call is made. Each way has connections of its own. */
type Way = "grpc" | "http";

/** The sample shopping cart as a Knative Service, reached through the gateway. */
export interface CartService {
  readonly name: string;
  http(path: string, call?: HttpCall): Promise<HttpAnswer>;
  readonly grpc: GrpcCaller;
  /** Adds one of this product to a cart. Rejects with the error that the caller gets. */
  add(cart: string, product: string): Promise<void>;
  /** The cart's products and how many there are of each. Over gRPC, unless it is said. */
  items(cart: string, way?: Way): Promise<ReadonlyMap<string, number>>;
  /** The way, and so the connection, by which this product is not added. */
  otherWay(product: string): Way;
  /** Commands at a steady pace, spread over a few carts that nothing else is put into. */
  startLoad(perSecond: number): PacedLoad;
  /** Compares the commands of a load with the content of its carts. */
  accountFor(sent: readonly SentCommand[]): Promise<Account>;
}

const { addItem, getCart } = ShoppingCart.method;
const CARTS_OF_LOAD = 10;

/** Runs `kn service create`, as users do. The service is deleted at the end of the test. */
export async function createCart(
  scope: TestScope,
  name: string,
  args: readonly string[] = STATEFUL,
): Promise<CartService> {
  await deleteService(name);
  scope.teardown(() => deleteService(name));
  await kn("service", "create", name, "--image", CART_IMAGE, "--port", "h2c:8080", ...args);
  return connectToCart(scope, name);
}

/** How long the pods of a deleted service may take to end, in seconds: queue-proxy alone waits for 30. */
const POD_END_S = 180;

/**
 * Deletes a service, and waits until its pods have ended, because until then they hold resources of the node that the
 * pods of the next service need.
 */
export async function deleteService(name: string): Promise<void> {
  await cluster.run(["kubectl", "delete", "ksvc", name, "--ignore-not-found", "--wait", "--timeout=60s"]);
  const pods = ["pod", "-l", `serving.knative.dev/service=${name}`];
  await cluster.run(["kubectl", "wait", "--for=delete", ...pods, `--timeout=${POD_END_S}s`], {
    timeoutMs: (POD_END_S + 10) * 1_000,
  });
}

/** A client of the service of this name. */
export async function connectToCart(
  scope: TestScope,
  name: string,
  namespace = "default",
): Promise<CartService> {
  const authority = `${name}.${namespace}.example.test`;
  const gateway = await cluster.gateway();
  const port = Number(gateway.port === "" ? 80 : gateway.port);
  const client = httpClient(port, { host: gateway.hostname, connections: 256 });
  const grpc = grpcCaller(port, { host: gateway.hostname, authority });
  scope.teardown(() => {
    client.close();
    grpc.close();
  });
  const http = (path: string, call: HttpCall = {}): Promise<HttpAnswer> =>
    client.call(path, { ...call, headers: { ...call.headers, host: authority } });

  const add = async (cart: string, product: string): Promise<void> => {
    const item = { userId: cart, productId: product, name: product, quantity: 1 };
    if (wayOf(product) === "grpc") {
      await grpc.call(addItem, item);
      return;
    }
    const adding = http(`/cart/${cart}/items/add`, { body: item });
    const { status, errorCode, body } = await adding.catch((error: Error) => {
      throw new Error(error.message.replace(/ to .*/, ""), { cause: error });
    });
    if (status !== 200) throw new Error(`HTTP ${status} ${errorCode ?? body.slice(0, 80)}`);
  };
  const items = async (cart: string, way: Way = "grpc"): Promise<ReadonlyMap<string, number>> => {
    const found = way === "grpc" ? (await grpc.call(getCart, { userId: cart })).items : await listed(cart);
    return new Map(found.map(({ productId, quantity }) => [productId, quantity]));
  };
  const listed = async (cart: string): Promise<readonly Item[]> => {
    const { status, errorCode, body } = await http(`/carts/${cart}/items`);
    if (status !== 200) throw new Error(`HTTP ${status} ${errorCode ?? body.slice(0, 80)}`);
    return JSON.parse(body) as readonly Item[];
  };
  // The state of a service outlives the service, so each run has carts of its own.
  const run = randomUUID().slice(0, 8);
  const cartOf = (number: number) => `load-${run}-${number % CARTS_OF_LOAD}`;
  return {
    name,
    http,
    grpc,
    add,
    items,
    otherWay: (product) => (wayOf(product) === "grpc" ? "http" : "grpc"),
    startLoad: (perSecond) => startLoad(perSecond, (number) => add(cartOf(number), markOf(number))),
    accountFor: async (sent) => {
      const carts = await Promise.all(Array.from({ length: CARTS_OF_LOAD }, (_, i) => items(cartOf(i))));
      return account(sent, new Map(carts.flatMap((each) => [...each])));
    },
  };
}

interface Item {
  readonly productId: string;
  readonly quantity: number;
}

/** Half of the products are added over gRPC, the others over HTTP. */
function wayOf(product: string): Way {
  return product.charCodeAt(product.length - 1) % 2 === 0 ? "grpc" : "http";
}
