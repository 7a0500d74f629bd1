// SPDX-License-Identifier: Apache-2.0

import { randomUUID } from "node:crypto";
import { join } from "node:path";

import test from "ava";

import type { StoredSpan } from "../../lib/jaeger-trace.ts";
import { readTrace, tracePath } from "../../lib/jaeger-trace.ts";
import { until } from "../../lib/until.ts";
import { connectToCart, deleteService, STATEFUL } from "./lib/cart-service.ts";
import { cluster, kn, kubectl } from "./lib/command-line.ts";
import { untilZero } from "./lib/pods.ts";

const JAEGER = join(import.meta.dirname, "..", "..", "..", "config", "monitoring", "jaeger");
/** The same for Knative and for Perdure. */
const ENDPOINT = "http://jaeger.observability:4317";
const TRACED = ["--annotation", `perdure.dev/otel-exporter-otlp-endpoint=${ENDPOINT}`] as const;

/** A new one in each run, because a Jaeger that was kept knows the others. */
const TRACE_ID = randomUUID().replaceAll("-", "");
const CALLER = { traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01` };

const CART = "com.example.valueentity.shoppingcart.ShoppingCart";
const ORDER = "com.example.pipeline.Ordering.Order";
const ADD = `${CART}.AddItem`;
const GET = `${CART}.GetCart`;

/** What Knative's programs call their spans of a request that they pass on. */
const OF_ACTIVATOR = "activator_proxy";
const OF_QUEUE_PROXY = "kn.queueproxy.proxy";

test.serial("a request that wakes a service is one trace, from Knative's activator to the log", async (t) => {
  await kubectl("apply", "-k", JAEGER);
  t.teardown(() => kubectl("delete", "-k", JAEGER));
  await untilRolledOut("observability", "jaeger");
  await traceKnative({
    "tracing-protocol": "grpc",
    "tracing-endpoint": ENDPOINT,
    "tracing-sampling-rate": "1",
  });
  t.teardown(() => traceKnative(NOT_TRACED));

  await deleteService("orders");
  t.teardown(() => deleteService("orders"));
  const image = ["--image", "dev.local/action-pipeline", "--port", "h2c:8080"];
  await kn("service", "create", "orders", ...image, ...STATEFUL, ...TRACED, "--scale-window", "6s");
  await untilZero("orders");
  const { http } = await connectToCart(t, "orders");
  const body = { code: "4001", quantity: 2 };
  const answer = await http(`/orders/ann-${Date.now()}`, { body, headers: CALLER });
  t.is(answer.status, 200, answer.body);

  let spans: readonly StoredSpan[] = [];
  const pathOf = (name: string): string => spans.find((span) => span.name === name)?.path ?? "";
  await until("all have sent their spans", async () => {
    spans = await storedTrace();
    return [ORDER, ADD, GET].every((name) => pathOf(name).includes(` < ${OF_ACTIVATOR} < `));
  });
  t.log(`${spans.length} spans; ${pathOf(ADD)}`);
  t.regex(pathOf(ORDER), new RegExp(`^${ORDER} < .* < ${OF_QUEUE_PROXY} < .* < ${OF_ACTIVATOR} < `));
  t.is(pathOf(ADD), `${ADD} < ${pathOf(ORDER)}`);
  t.is(pathOf(GET), `${GET} < ${pathOf(ORDER)}`);
  t.true(spans.some(({ path }) => path.startsWith(`replace < ${ADD} < `)));
  t.is(spans.find(({ name }) => name === ORDER)?.service, "orders");
});

/** Merged into `config-observability`; null removes a key. */
type Tracing = Readonly<Record<string, string | null>>;

const NOT_TRACED: Tracing = {
  "tracing-protocol": null,
  "tracing-endpoint": null,
  "tracing-sampling-rate": null,
};

/** Lets Knative trace, or not. The activator reads its configuration only when it starts. */
async function traceKnative(data: Tracing): Promise<void> {
  const patch = ["--type", "merge", "-p", JSON.stringify({ data })];
  await kubectl("-n", "knative-serving", "patch", "configmap", "config-observability", ...patch);
  await kubectl("-n", "knative-serving", "rollout", "restart", "deployment/activator");
  await untilRolledOut("knative-serving", "activator");
}

async function untilRolledOut(namespace: string, deployment: string): Promise<void> {
  const status = ["rollout", "status", `deployment/${deployment}`, "--timeout=120s"];
  await cluster.run(["kubectl", "-n", namespace, ...status], { timeoutMs: 130_000 });
}

/** Asks Jaeger through the API server, because its port is reached only from inside the cluster. */
async function storedTrace(): Promise<readonly StoredSpan[]> {
  const service = "/api/v1/namespaces/observability/services/jaeger:query/proxy";
  try {
    return readTrace(await kubectl("get", "--raw", service + tracePath(TRACE_ID)));
  } catch {
    // It knows nothing of the trace yet.
    return [];
  }
}
