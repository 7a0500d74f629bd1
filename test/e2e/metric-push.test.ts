// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { httpClient } from "../lib/http-client.ts";
import { startOtlpReceiver } from "../lib/otlp-receiver.ts";
import { startProxyProcess, startShoppingCart } from "../lib/processes.ts";

const PEN = { productId: "p1", name: "Pen", quantity: 2 };

for (const metrics of ["loopback", "off"]) {
  test(`a proxy sends its metrics when it ends, unless nobody counts (--metrics ${metrics})`, async (t) => {
    const receiver = await startOtlpReceiver(t);
    const cart = await startShoppingCart(t);
    const proxy = await startProxyProcess(t, {
      PERDURE_LOG: "memory:",
      PERDURE_METRICS: metrics,
      USER_FUNCTION_PORT: cart.port,
      OTEL_METRICS_EXPORTER: "otlp",
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
    });
    await proxy.ready();
    const http = httpClient(proxy.port);
    t.teardown(() => http.close());
    t.like(await http.call("/cart/ann/items/add", { body: PEN }), { status: 200 });
    t.deepEqual(await proxy.kill("SIGTERM"), { code: 0, signal: null });
    const commands = receiver.metrics.find(({ name }) => name === "perdure_commands_completed");
    const ofCarts = { attributes: { kind: "event-sourced", type: "shopping-cart" }, value: 1, buckets: [] };
    t.deepEqual(commands?.points, metrics === "off" ? undefined : [ofCarts]);
    t.is(receiver.spans.length, 0);
  });
}
