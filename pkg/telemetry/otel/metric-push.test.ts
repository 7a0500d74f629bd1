// SPDX-License-Identifier: Apache-2.0

import { status } from "@grpc/grpc-js";
import test from "ava";

import type { LogFields } from "../../base/mod.ts";
import { freePort, silentLogger, systemClock, systemRandom } from "../../base/mod.ts";
import { resolveSettings } from "../../settings/mod.ts";

import { modulesLoadedFor } from "../../../test/lib/loaded-modules.ts";
import { startOtlpReceiver } from "../../../test/lib/otlp-receiver.ts";
import { until } from "../../../test/lib/until.ts";
import { counter, gauge, histogram } from "../metrics/metric.ts";
import { MetricRegistry } from "../metrics/registry.ts";
import { METRIC_PUSH_SETTINGS, TRACE_SETTINGS } from "../settings.ts";
import type { MetricPush } from "./metric-push.ts";
import { startMetricPush } from "./metric-push.ts";

interface Pushed {
  readonly push: MetricPush | undefined;
  readonly lines: readonly LogFields[];
}

function pushed(env: Readonly<Record<string, string>>): Pushed {
  const lines: LogFields[] = [];
  const options = resolveSettings({ ...TRACE_SETTINGS, ...METRIC_PUSH_SETTINGS }, {}, env);
  const push = startMetricPush(options, {
    clock: systemClock,
    logger: { ...silentLogger, warn: (_, fields = {}) => void lines.push(fields) },
    pod: { service: "cart", pod: "cart-1" },
    version: "1.2.3",
  });
  push?.of(someMetrics());
  return { push, lines };
}

function someMetrics(): MetricRegistry {
  const registry = new MetricRegistry(systemClock);
  registry.counter(counter("commands", ["type"], "Commands."), { type: "cart" }).add(3);
  const duration = registry.histogram(histogram("wait_seconds", [], "Waits.", [0.1, 1]), {});
  for (const seconds of [0.05, 0.5, 0.25, 9]) duration.record(seconds);
  registry.observe(gauge("memory_bytes", [], "Memory."), () => [{ labels: {}, value: 1.5e6 }]);
  return registry;
}

test("a receiver gets all metrics with their units, labels and buckets", async (t) => {
  const receiver = await startOtlpReceiver(t);
  const { push, lines } = pushed({
    OTEL_METRICS_EXPORTER: "otlp",
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
  });
  await push?.stop();
  t.deepEqual(receiver.metrics, [
    {
      name: "perdure_commands",
      unit: "",
      kind: "sum",
      points: [{ attributes: { type: "cart" }, value: 3, buckets: [] }],
    },
    {
      name: "perdure_wait_seconds",
      unit: "s",
      kind: "histogram",
      points: [{ attributes: {}, value: 9.8, buckets: [1, 2, 1] }],
    },
    {
      name: "perdure_memory_bytes",
      unit: "By",
      kind: "gauge",
      points: [{ attributes: {}, value: 1.5e6, buckets: [] }],
    },
  ]);
  t.like(receiver.resource, { "service.name": "cart", "k8s.pod.name": "cart-1" });
  t.deepEqual(lines, []);
});

test("metrics are sent at each interval", async (t) => {
  const receiver = await startOtlpReceiver(t);
  const { push } = pushed({
    OTEL_METRICS_EXPORTER: "otlp",
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
    OTEL_METRIC_EXPORT_INTERVAL: "10",
  });
  push?.listening();
  await until("three have come", () => receiver.requests >= 3);
  await push?.stop();
  t.is(receiver.metrics.length, 3);
});

test("a receiver that refuses costs a line, and so does one that is not there", async (t) => {
  const receiver = await startOtlpReceiver(t);
  receiver.answerWith(status.INVALID_ARGUMENT);
  const ports = [receiver.port, await freePort("127.0.0.1", systemRandom)];
  for (const port of ports) {
    const { push, lines } = pushed({
      OTEL_METRICS_EXPORTER: "otlp",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    });
    const startedMs = systemClock.monotonicMs();
    await push?.stop();
    t.true(systemClock.monotonicMs() - startedMs < 6_000);
    t.is(lines.length, 1, JSON.stringify(lines));
  }
});

test("without OTEL_METRICS_EXPORTER=otlp nothing is sent, and what is not known is told", (t) => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" };
  t.is(pushed(endpoint).push, undefined);
  t.is(pushed({ ...endpoint, OTEL_METRICS_EXPORTER: "none" }).push, undefined);
  t.deepEqual(pushed({ ...endpoint, OTEL_METRICS_EXPORTER: "prometheus" }), { push: undefined, lines: [] });
  t.is(pushed({ OTEL_METRICS_EXPORTER: "otlp", OTEL_SDK_DISABLED: "true" }).push, undefined);
  const { push, lines } = pushed({ OTEL_METRICS_EXPORTER: "console" });
  t.is(push, undefined);
  t.deepEqual(lines, [{ problem: "OTEL_METRICS_EXPORTER: console is not known here" }]);
  const http = pushed({ OTEL_METRICS_EXPORTER: "otlp", OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" });
  t.regex(String(http.lines[0]?.["problem"]), /metrics go by grpc/);
});

test("the packages are loaded only when metrics are to be sent", (t) => {
  const packages = (file: string) =>
    modulesLoadedFor(new URL(file, import.meta.url)).filter((url) => /@opentelemetry|grpc-js/.test(url));
  t.deepEqual(packages("metric-push.ts"), []);
  t.true(packages("otlp-metrics.later.ts").length > 10, "so the check can see them");
});
