// SPDX-License-Identifier: Apache-2.0
// A start that cannot succeed by waiting longer is explained in the last lines of `kn service create`, within about a
// minute.

import type { ExecutionContext } from "ava";
import test from "ava";

import { CART_IMAGE, createCart, deleteService, STATEFUL } from "./lib/cart-service.ts";
import { getJson, kn, kubectl } from "./lib/command-line.ts";

/** Knative checks the revision after this time at the latest. Its default is ten minutes (docs/errors.md). */
const SOON = ["--annotation", "serving.knative.dev/progress-deadline=60s"];

/** The proxy's time-out for a start, and the time that Kubernetes, Knative and kn take to pass the reason on. */
const WITHIN_MS = 75_000;

/** The error text of `kn service create` when it gives up. */
async function refusal(t: ExecutionContext, name: string, args: readonly string[]): Promise<string> {
  await deleteService(name);
  t.teardown(() => deleteService(name));
  const startedMs = performance.now();
  const error = await t.throwsAsync(kn("service", "create", name, ...STATEFUL, ...SOON, ...args));
  const tookMs = performance.now() - startedMs;
  t.log(`${name}: after ${(tookMs / 1_000).toFixed(1)} s`);
  t.true(tookMs < WITHIN_MS, `kn said it after ${tookMs} ms: ${error?.message}`);
  return error?.message ?? "";
}

interface Conditions {
  readonly status: { readonly conditions: ReadonlyArray<{ readonly message?: string }> };
}

test.serial("a wrong port is named by kn, with the port that the function listens on", async (t) => {
  const wrong = ["--annotation", "perdure.dev/user-function-port=8099"];
  const said = await refusal(t, "deaf", ["--image", CART_IMAGE, "--port", "h2c:8080", ...wrong]);
  t.regex(said, /Container failed with: the user function does not listen on 8099, 45 s after the start/);
  t.regex(said, /something listens on 8080/);
  const { status } = await getJson<Conditions>("ksvc", "deaf");
  t.true(status.conditions.some(({ message }) => message?.includes("does not listen on 8099")));
});

test.serial("a function that speaks plain HTTP is told so by kn", async (t) => {
  const said = await refusal(t, "plain", ["--image", "dev.local/hello:1"]);
  t.regex(said, /Container failed with: what listens on 8080 does not speak gRPC/);
});

test.serial(
  "a NATS that is not there is named by kn, and a service that is made when it is back is served",
  async (t) => {
    const scale = (replicas: number) =>
      kubectl("-n", "perdure-system", "scale", "statefulset", "nats", `--replicas=${replicas}`);
    t.teardown(async () => {
      await scale(1);
      await kubectl("-n", "perdure-system", "rollout", "status", "statefulset/nats", "--timeout=120s");
    });
    await scale(0);
    await kubectl("-n", "perdure-system", "wait", "--for=delete", "pod/nats-0", "--timeout=90s");
    const said = await refusal(t, "early", ["--image", CART_IMAGE, "--port", "h2c:8080"]);
    t.regex(said, /Container failed with: .*no NATS server answers there.*LOG_UNAVAILABLE/);
    await scale(1);
    await kubectl("-n", "perdure-system", "rollout", "status", "statefulset/nats", "--timeout=120s");
    const cart = await createCart(t, "early");
    t.is((await cart.http("/carts/ann")).status, 200);
  },
);

test.serial(
  "durability that the NATS cannot give is named by kn, with the two settings to choose between",
  async (t) => {
    const strict = ["--annotation", "perdure.dev/durability=strict"];
    const said = await refusal(t, "strict", ["--image", CART_IMAGE, "--port", "h2c:8080", ...strict]);
    t.regex(said, /Container failed with: .*does not tell whether it syncs each write.*LOG_UNUSABLE/s);
    t.regex(said, /log-servers-sync: .* in config-perdure.*perdure\.dev\/durability=relaxed/s);

    await kn("service", "update", "strict", ...STATEFUL, "--annotation", "perdure.dev/durability=relaxed");
    t.regex(await kn("service", "describe", "strict", "-v"), /effective-durability=relaxed \(annotation\)/);
  },
);

test.serial("a service of the same name has the state of the one that was deleted", async (t) => {
  const product = `p${Date.now()}`;
  const first = await createCart(t, "reborn");
  await first.add("ann", product);
  await deleteService("reborn");
  const second = await createCart(t, "reborn");
  t.is((await second.items("ann")).get(product), 1);
});
