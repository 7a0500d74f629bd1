// SPDX-License-Identifier: Apache-2.0

import { status } from "@grpc/grpc-js";
import test from "ava";

import type { LogFields } from "../../base/mod.ts";
import { freePort, silentLogger, systemClock, systemRandom } from "../../base/mod.ts";
import { resolveSettings } from "../../settings/mod.ts";

import { modulesLoadedFor } from "../../../test/lib/loaded-modules.ts";
import { startOtlpReceiver } from "../../../test/lib/otlp-receiver.ts";
import { TRACE_SETTINGS } from "../settings.ts";
import type { RecordedSpan } from "./recorded-span.ts";
import type { SpanWatcher, Tracing } from "./tracing.ts";
import { startTracing } from "./tracing.ts";

interface Traced {
  readonly tracing: Tracing | undefined;
  readonly lines: readonly LogFields[];
}

function traced(env: Readonly<Record<string, string>>, watcher?: SpanWatcher): Traced {
  const lines: LogFields[] = [];
  const tracing = startTracing(resolveSettings(TRACE_SETTINGS, {}, env), {
    clock: systemClock,
    random: systemRandom,
    logger: { ...silentLogger, warn: (_, fields = {}) => void lines.push(fields) },
    pod: { service: "cart", pod: "cart-1" },
    version: "1.2.3",
    watcher,
  });
  return { tracing, lines };
}

test("a receiver gets the spans with their times, kinds, attributes and failures", async (t) => {
  const receiver = await startOtlpReceiver(t);
  const { tracing, lines } = traced({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}` });
  const root = tracing?.tracer.start("command", undefined, { kind: "server" });
  const child = tracing?.tracer.start("append", root?.context, { kind: "client" });
  child?.set("bytes", 12);
  child?.set("stored", true);
  child?.end(new RangeError("no room"));
  root?.end();
  await tracing?.stop();
  const [append, command] = receiver.spans;
  t.like(append, {
    name: "append",
    traceId: root?.context?.traceId,
    parentSpanId: root?.context?.spanId,
    kind: 3,
    status: 2,
    message: "no room",
    attributes: { bytes: "12", stored: "1", "error.type": "RangeError" },
  });
  t.like(command, { name: "command", spanId: root?.context?.spanId, parentSpanId: "", kind: 2, status: 0 });
  t.true((command?.startNs ?? 0n) <= (append?.startNs ?? 0n));
  t.true((append?.endNs ?? 0n) <= (command?.endNs ?? 0n));
  t.true(Math.abs(Number(command?.startNs) / 1e6 - Date.now()) < 60_000);
  t.like(receiver.resource, { "service.name": "cart", "faas.name": "cart", "k8s.pod.name": "cart-1" });
  t.deepEqual(lines, []);
});

test("the name of the service can be set", async (t) => {
  const receiver = await startOtlpReceiver(t);
  const OTEL_EXPORTER_OTLP_TRACES_ENDPOINT = `http://127.0.0.1:${receiver.port}`;
  const { tracing } = traced({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_SERVICE_NAME: "other" });
  tracing?.tracer.start("a", undefined).end();
  await tracing?.stop();
  t.is(receiver.resource["service.name"], "other");
});

test("an endpoint where nobody listens costs the spans, and a line", async (t) => {
  const port = await freePort("127.0.0.1", systemRandom);
  const { tracing, lines } = traced({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` });
  tracing?.tracer.start("a", undefined).end();
  await tracing?.stop();
  t.is(lines.length, 1);
  t.like(lines[0], { dropped: 1 });
  t.regex(String(lines[0]?.["error"]), /UNAVAILABLE|ECONNREFUSED/);
});

test("spans that the receiver refuses are not sent again", async (t) => {
  const receiver = await startOtlpReceiver(t);
  receiver.answerWith(status.INVALID_ARGUMENT);
  const { tracing, lines } = traced({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}` });
  tracing?.tracer.start("a", undefined).end();
  await tracing?.stop();
  t.is(receiver.requests, 1);
  t.like(lines[0], { dropped: 1, error: "3 INVALID_ARGUMENT: no" });
});

test("a span that cannot be written is dropped, and nothing else happens", async (t) => {
  const receiver = await startOtlpReceiver(t);
  const { tracing, lines } = traced({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}` });
  tracing?.tracer.start("a", { traceId: "1".repeat(32), spanId: "none", isSampled: true }).end();
  await tracing?.stop();
  t.like(lines[0], { dropped: 1 });
  t.is(receiver.requests, 0);
});

test("an endpoint that is no address costs the spans, and a line", async (t) => {
  const { tracing, lines } = traced({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://[" });
  tracing?.tracer.start("a", undefined).end();
  await tracing?.stop();
  t.like(lines.at(-1), { dropped: 1 });
});

test("a watcher sees all spans without any settings, and with them those that are sent", async (t) => {
  const seen: string[] = [];
  const watcher = {
    started: ({ name }: RecordedSpan) => void seen.push(`${name} begins`),
    ended: ({ name }: RecordedSpan) => void seen.push(`${name} ends`),
  };
  const alone = traced({ OTEL_TRACES_SAMPLER: "always_off" }, watcher).tracing;
  alone?.tracer.start("a", { traceId: "1".repeat(32), spanId: "2".repeat(16), isSampled: false }).end();
  t.is(alone?.endpoint, undefined);
  await alone?.stop();
  const receiver = await startOtlpReceiver(t);
  const OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${receiver.port}`;
  const { tracing } = traced({ OTEL_EXPORTER_OTLP_ENDPOINT }, watcher);
  tracing?.tracer.start("b", undefined).end();
  t.is(tracing?.endpoint, OTEL_EXPORTER_OTLP_ENDPOINT);
  await tracing?.stop();
  t.deepEqual(seen, ["a begins", "a ends", "b begins", "b ends"]);
  t.is(receiver.spans.length, 1);
});

test("without the settings there is no tracing, and nothing of OpenTelemetry is loaded", (t) => {
  t.is(traced({}).tracing, undefined);
  const packages = (file: string): readonly string[] =>
    modulesLoadedFor(new URL(file, import.meta.url)).filter((url) => /@opentelemetry|grpc-js/.test(url));
  t.deepEqual(packages("mod.ts"), []);
  t.deepEqual(packages("../../../cmd/proxy/run.ts"), []);
  t.deepEqual(packages("../../../cmd/perdure/dev/command.ts"), []);
  t.true(packages("otlp.later.ts").length > 10, "so the check can see them");
});
