// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";
import test from "ava";

import type { CartService } from "./lib/cart-service.ts";
import { CART_IMAGE, connectToCart, STATEFUL } from "./lib/cart-service.ts";
import { create, getJson, kn, kubectl } from "./lib/command-line.ts";
import { PROXY_CONTAINER } from "./lib/pods.ts";

const NATS = "nats://nats.perdure-system.svc:4222";

interface Pod {
  readonly metadata: { readonly labels: object; readonly annotations: Readonly<Record<string, string>> };
  readonly spec: Readonly<Record<string, unknown>> & {
    readonly containers: readonly { readonly name: string }[];
  };
}

/**
 * Makes two namespaces that are deleted at the end of the test. Their names are new in each run, because the state of
 * a service outlives it.
 */
async function namespaces(t: ExecutionContext): Promise<readonly [string, string]> {
  const run = Date.now().toString(36);
  const names = [`shop-${run}`, `bank-${run}`] as const;
  for (const name of names) {
    await kubectl("create", "namespace", name);
    t.teardown(async () => {
      await kubectl("delete", "namespace", name, "--wait=false");
    });
  }
  return names;
}

function annotations(texts: Readonly<Record<string, string>>): string[] {
  return Object.entries(texts).flatMap(([key, text]) => ["--annotation", `${key}=${text}`]);
}

function createArgs(namespace: string, name: string, texts: Readonly<Record<string, string>> = {}): string[] {
  const image = ["--image", CART_IMAGE, "--port", "h2c:8080"];
  return ["service", "create", name, "-n", namespace, ...image, ...STATEFUL, ...annotations(texts)];
}

/** The error text of a command that must be refused. */
async function refusal(t: ExecutionContext, args: readonly string[]): Promise<string> {
  return (await t.throwsAsync(kn(...args)))?.message ?? "";
}

async function made(t: ExecutionContext, namespace: string, name: string, texts = {}): Promise<CartService> {
  await kn(...createArgs(namespace, name, texts));
  return connectToCart(t, name, namespace);
}

test.serial(
  "a service of one namespace cannot have the log of another, by annotation or by pod",
  async (t) => {
    const [shop, bank] = await namespaces(t);
    const cart = await made(t, shop, "cart");
    await cart.add("ann", "p1");

    const log = `${NATS}/${shop}_cart`;
    const asked = createArgs(bank, "cart", { "perdure.dev/log": log });
    t.regex(await refusal(t, asked), new RegExp(`${bank}_cart.*\\(LOG_OF_ANOTHER\\)`, "s"));
    const confirmed = createArgs(bank, "cart", { "perdure.dev/log": log, "perdure.dev/confirm-log": log });
    t.regex(await refusal(t, confirmed), /\(LOG_OF_ANOTHER\)/);
    const elsewhere = createArgs(bank, "cart", { "perdure.dev/log": "nats://elsewhere:4222" });
    t.regex(await refusal(t, elsewhere), /\(LOG_NOT_ALLOWED\)/);

    // The pod of the one service, made by hand in the other namespace: with its proxy, and without it.
    const selector = ["-l", "serving.knative.dev/service=cart"];
    const { items } = await getJson<{ readonly items: readonly Pod[] }>("pods", "-n", shop, ...selector);
    const [pod] = items;
    if (pod === undefined) throw new Error("the service has no pod");
    const copy = podOf(pod, bank, pod.spec.containers);
    t.regex((await t.throwsAsync(create(copy)))?.message ?? "", /NAME_TAKEN/);
    const others = pod.spec.containers.filter(({ name }) => name !== PROXY_CONTAINER);
    const annotated = podOf(pod, bank, others, { "perdure.dev/log": log, "perdure.dev/confirm-log": log });
    t.regex((await t.throwsAsync(create(annotated)))?.message ?? "", /LOG_OF_ANOTHER/);

    const other = await made(t, bank, "cart");
    t.deepEqual([...(await other.items("ann"))], [], "services of one name in two namespaces");
    t.deepEqual([...(await cart.items("ann"))], [["p1", 1]]);
  },
);

function podOf(pod: Pod, namespace: string, containers: unknown, more: object = {}): object {
  const { nodeName: _nodeName, ...spec } = pod.spec;
  const { labels, annotations } = pod.metadata;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "copy", namespace, labels, annotations: { ...annotations, ...more } },
    spec: { ...spec, containers },
  };
}

test.serial("two services whose log has no prefix do not share their state", async (t) => {
  const [shop] = await namespaces(t);
  const one = await made(t, shop, "one", { "perdure.dev/log": NATS });
  const two = await made(t, shop, "two", { "perdure.dev/log": NATS });
  await one.add("ann", "p1");
  t.deepEqual([...(await two.items("ann"))], []);
  t.deepEqual([...(await one.items("ann"))], [["p1", 1]]);
  const third = createArgs(shop, "three", { "perdure.dev/log": `${NATS}/${shop}_one` });
  t.regex(await refusal(t, third), /another service.*confirm-log.*\(LOG_OF_ANOTHER\)/s);
});

test.serial(
  "the log of a service that is there changes only with a word, and its state is there again after",
  async (t) => {
    const [shop] = await namespaces(t);
    const cart = await made(t, shop, "cart");
    await cart.add("ann", "p1");
    const update = (texts: Readonly<Record<string, string>>): string[] =>
      ["service", "update", "cart", "-n", shop].concat(annotations(texts));
    const [old, next] = [`${NATS}/${shop}_cart`, `${NATS}/${shop}_cart_v2`];
    t.regex(
      await refusal(t, update({ "perdure.dev/log": next })),
      /confirm-log=.*_cart_v2.*\(LOG_CHANGED\)/s,
    );
    t.regex(await refusal(t, update({ "perdure.dev/log": "memory:" })), /\(LOG_NOT_ALLOWED\)/);
    t.deepEqual([...(await cart.items("ann"))], [["p1", 1]]);

    await kn(...update({ "perdure.dev/log": next, "perdure.dev/confirm-log": next }));
    t.deepEqual([...(await cart.items("ann"))], []);
    await kn(...update({ "perdure.dev/log": old, "perdure.dev/confirm-log": old }));
    t.deepEqual([...(await cart.items("ann"))], [["p1", 1]]);
  },
);

test.serial("what config-perdure does not allow, and keys in other letters, are refused", async (t) => {
  const [shop] = await namespaces(t);
  const asked = (texts: Readonly<Record<string, string>>) => refusal(t, createArgs(shop, "odd", texts));
  t.regex(await asked({ "perdure.dev/log-replicas": "5" }), /\(TOO_FEW_SERVERS\)/);
  t.regex(await asked({ "perdure.dev/proxy-image": "docker.io/me/proxy" }), /\(IMAGE_NOT_ALLOWED\)/);
  t.regex(await asked({ "perdure.dev/Log": NATS }), /written perdure\.dev\/log.*\(UNKNOWN_ANNOTATION\)/s);
  const plain = ["service", "create", "odd", "-n", shop, "--image", CART_IMAGE];
  // The annotation is the only sign of Perdure here, so the API server itself has to recognize it.
  t.regex(
    await refusal(t, [...plain, "--annotation", "Perdure.dev/stateful=true"]),
    /\(UNKNOWN_ANNOTATION\)/,
  );
  t.is(await kubectl("get", "ksvc", "-n", shop, "-o", "name"), "");
});
