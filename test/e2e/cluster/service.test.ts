// SPDX-License-Identifier: Apache-2.0

import { status } from "@grpc/grpc-js";
import test from "ava";

import { ShoppingCart } from "../../../samples/shopping-cart/gen/shoppingcart/shoppingcart_pb.ts";
import { statusOf } from "../../lib/grpc-caller.ts";
import { CART_IMAGE, connectToCart, createCart, deleteService, STATEFUL } from "./lib/cart-service.ts";
import { getJson, kn, kubectl } from "./lib/command-line.ts";
import { PROXY_CONTAINER, podsOf, readyPod } from "./lib/pods.ts";

const PEN = { productId: "p1", name: "Pen", quantity: 2 };
const { addItem, getCart } = ShoppingCart.method;

interface Service {
  readonly spec: {
    readonly template: {
      readonly metadata: {
        readonly annotations?: Readonly<Record<string, string>>;
        readonly labels?: Readonly<Record<string, string>>;
      };
      readonly spec: { readonly containers: readonly unknown[] };
    };
  };
}

test.serial("one annotation makes a service stateful, with stock Knative, kn and Kourier", async (t) => {
  await deleteService("cart");
  t.teardown(() => deleteService("cart"));
  const image = ["--image", CART_IMAGE, "--port", "h2c:8080"];
  const said = await kn("service", "create", "cart", ...image, ...STATEFUL);
  t.regex(said, /Service 'cart' created to latest revision 'cart-00001' is available at URL:/);

  const cart = await connectToCart(t, "cart");
  const user = `ann-${Date.now()}`;
  t.like(await cart.http(`/cart/${user}/items/add`, { body: PEN }), { status: 200, body: "{}" });
  t.like(await cart.http(`/carts/${user}/items`), { status: 200, body: JSON.stringify([PEN]) });
  await cart.grpc.call(addItem, { userId: user, ...PEN, quantity: 3 });
  t.like((await cart.grpc.call(getCart, { userId: user })).items, [{ ...PEN, quantity: 5 }]);
  const refused = await cart.http(`/cart/${user}/items/p9/remove`, { method: "POST" });
  t.like(refused, { status: 404, errorCode: "COMMAND_FAILED" });
  const nothing = await statusOf(cart.grpc.callBytes("/no.Such/Method", new Uint8Array()));
  t.is(nothing.code, status.UNIMPLEMENTED);

  const pod = await readyPod("cart");
  t.deepEqual(
    pod.spec.containers.map(({ name }) => name),
    ["user-container", "queue-proxy", PROXY_CONTAINER],
  );

  const described = await kn("service", "describe", "cart");
  t.regex(described, new RegExp(`Image:\\s+${CART_IMAGE}`));
  t.notRegex(described, /perdure-proxy/, "kn sees the user's container alone");
  t.regex(described, /perdure\.dev\/effective-durability=relaxed \(config-perdure\)/);

  await kn("service", "update", "cart", "--env", "GREETING=hello");
  t.regex(await kn("revision", "list", "-s", "cart"), /cart-00002\s+cart\s+100%/);
  t.like((await cart.grpc.call(getCart, { userId: user })).items, [{ ...PEN, quantity: 5 }]);
});

test.serial("what kn writes stays as it was: only metadata is added", async (t) => {
  await createCart(t, "spec");
  const { spec } = await getJson<Service>("ksvc", "spec");
  t.is(spec.template.spec.containers.length, 1);
  const { labels, annotations = {} } = spec.template.metadata;
  t.deepEqual(labels, { "perdure.dev/stateful": "true" });
  const others = Object.keys(annotations).filter((key) => !key.startsWith("client.knative.dev/"));
  t.deepEqual(others, ["perdure.dev/stateful"]);
});

test.serial("what a stateful service cannot be is refused, with a text that says what to do", async (t) => {
  const create = (name: string, ...args: string[]) =>
    t.throwsAsync(
      kn("service", "create", name, "--image", CART_IMAGE, "--port", "h2c:8080", ...STATEFUL, ...args),
    );
  const inMemory = await create("many", "--annotation", "perdure.dev/log=memory:", "--scale-max", "3");
  t.regex(inMemory?.message ?? "", /max-scale=3 .*log is in memory has one/s);
  const typo = await create("typo", "--annotation", "perdure.dev/pasivation-timeout=5s");
  t.regex(typo?.message ?? "", /perdure\.dev\/pasivation-timeout/);
  const wrong = await create("wrong", "--annotation", "perdure.dev/passivation-timeout=soon");
  t.regex(wrong?.message ?? "", /passivation-timeout.*soon/);
  t.is(await kubectl("get", "ksvc", "many", "typo", "wrong", "--ignore-not-found", "-o", "name"), "");
});

test.serial("a proxy that cannot start is named in the status of the service", async (t) => {
  t.teardown(() => deleteService("lame"));
  const image = ["--image", CART_IMAGE, "--port", "h2c:8080", ...STATEFUL];
  const notThere = ["--annotation", "perdure.dev/proxy-image=dev.local/not-there"];
  const soon = ["--annotation", "serving.knative.dev/progress-deadline=10s"];
  const said = await t.throwsAsync(kn("service", "create", "lame", ...image, ...notThere, ...soon));
  t.regex(said?.message ?? "", /RevisionFailed: .*dev\.local\/not-there/);
});

test.serial("the proxy's settings come from annotations", async (t) => {
  const settings = [
    "perdure.dev/passivation-timeout=5s",
    "perdure.dev/log-level=debug",
    "perdure.dev/proxy-cpu=150m",
  ];
  await createCart(t, "settings", [...STATEFUL, ...settings.flatMap((one) => ["--annotation", one])]);
  const [pod] = await podsOf("settings");
  const proxy = pod?.spec.containers.find(({ name }) => name === PROXY_CONTAINER);
  const env = new Map(proxy?.env?.map(({ name, value }) => [name, value]));
  t.is(env.get("PERDURE_PASSIVATION_TIMEOUT_MS"), "5000");
  t.is(env.get("PERDURE_LOG_LEVEL"), "debug");
  t.like(proxy, { resources: { requests: { cpu: "150m" } } });
});
