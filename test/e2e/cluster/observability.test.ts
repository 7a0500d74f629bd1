// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { deleteService } from "./lib/cart-service.ts";
import { cluster, kubectl } from "./lib/command-line.ts";
import { follow } from "./lib/document.ts";

test.serial("docs/observability.md: traces, metrics, dashboards and logs of a service", async (t) => {
  t.teardown(async () => {
    await deleteService("observed");
    await cluster.run(["kubectl", "delete", "namespace", "observability", "--ignore-not-found"]);
    const data = { "otel-exporter-otlp-endpoint": null, metrics: null };
    const patch = ["--type", "merge", "-p", JSON.stringify({ data })];
    await kubectl("-n", "perdure-system", "patch", "configmap", "config-perdure", ...patch);
  });
  const said = await follow("docs/observability.md");
  t.regex(said, /"observed"/, "Jaeger knows the service");
  t.regex(said, /^"operationName":"com\.example\.shoppingcart\.ShoppingCart\.AddItem"$/m);
  t.regex(said, /^"operationName":"start"$/m);
  t.regex(said, /^perdure_command_seconds_bucket\{.*\} 1 # \{trace_id="[0-9a-f]{32}"/m);
  t.regex(said, /^1$/m, "Grafana's sidecar loads the dashboards");
  t.regex(said, /"message":"user function found"/);
});
