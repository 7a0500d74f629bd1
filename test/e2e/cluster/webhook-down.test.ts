// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { until } from "../../lib/until.ts";
import { CART_IMAGE, createCart, deleteService, STATEFUL } from "./lib/cart-service.ts";
import { getJson, kn, kubectl } from "./lib/command-line.ts";
import { livePodsOf, readyPod, untilZero } from "./lib/pods.ts";

const IN_SYSTEM = ["-n", "perdure-system"] as const;

async function scaleWebhook(replicas: number): Promise<void> {
  await kubectl(...IN_SYSTEM, "scale", "deployment", "webhook", `--replicas=${replicas}`);
  if (replicas > 0) {
    await kubectl(...IN_SYSTEM, "rollout", "status", "deployment", "webhook", "--timeout=90s");
    return;
  }
  await until(
    "no webhook answers",
    async () => {
      const pods = await kubectl(
        ...IN_SYSTEM,
        "get",
        "pods",
        "-l",
        "app.kubernetes.io/component=webhook",
        "-o",
        "name",
      );
      return pods === "";
    },
    90_000,
  );
}

interface Events {
  readonly items: ReadonlyArray<{ readonly reason: string; readonly message: string }>;
}

test.serial("without the webhook no stateful pod is half made, and nobody else notices", async (t) => {
  const sleeper = await createCart(t, "sleeper");
  await sleeper.add("ann", `p${Date.now()}`);
  const before = await sleeper.items("ann");
  await untilZero("sleeper");
  t.teardown(async () => {
    await scaleWebhook(2);
    await Promise.all(["newborn", "bystander"].map(deleteService));
  });
  await scaleWebhook(0);

  const create = ["--image", CART_IMAGE, "--port", "h2c:8080"];
  const refused = await t.throwsAsync(kn("service", "create", "newborn", ...create, ...STATEFUL));
  t.regex(refused?.message ?? "", /webhook\.perdure\.dev/);
  t.is(await kubectl("get", "ksvc", "newborn", "--ignore-not-found", "-o", "name"), "");

  // A request now wakes a service that is at zero, so it needs a pod.
  const woken = sleeper.http("/carts/ann").then(
    (answer) => answer.status,
    () => 0,
  );
  await until(
    "Kubernetes says why there is no pod",
    async () => {
      const { items } = await getJson<Events>("events", "--field-selector", "reason=FailedCreate");
      return items.some(({ message }) => message.includes("pods.webhook.perdure.dev"));
    },
    60_000,
  );
  t.deepEqual(await livePodsOf("sleeper"), []);

  const said = await kn("service", "create", "bystander", "--image", "dev.local/hello:1");
  t.regex(said, /available at URL/);
  await readyPod("bystander");

  await scaleWebhook(2);
  // Kubernetes tries again after a pause that doubles with each failure.
  await readyPod("sleeper");
  t.log(`the request that woke the service while there was no webhook: HTTP ${await woken}`);
  t.deepEqual(await sleeper.items("ann"), before);
});
