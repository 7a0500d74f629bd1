// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { resolveSettings } from "../../settings/mod.ts";

import { TRACE_SETTINGS } from "../settings.ts";
import { endpointOf, wantedTraces } from "./trace-options.ts";

const optionsOf = (env: Readonly<Record<string, string>>) => resolveSettings(TRACE_SETTINGS, {}, env);

test("traces are on if an endpoint or the exporter is set, and nothing turns them off", (t) => {
  const isOn = (env: Readonly<Record<string, string>>): boolean => wantedTraces(optionsOf(env)).isOn;
  const at = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4317" };
  t.false(isOn({}));
  t.true(isOn(at));
  t.true(isOn({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://collector:4317" }));
  t.true(isOn({ OTEL_TRACES_EXPORTER: "otlp" }));
  t.true(isOn({ OTEL_TRACES_EXPORTER: "console, otlp" }));
  t.false(isOn({ ...at, OTEL_TRACES_EXPORTER: "none" }));
  t.false(isOn({ ...at, OTEL_SDK_DISABLED: " True " }));
  t.true(isOn({ ...at, OTEL_SDK_DISABLED: "no" }));
});

test("what is not known is told, and stops nothing", (t) => {
  const problems = (env: Readonly<Record<string, string>>) => wantedTraces(optionsOf(env)).problems;
  t.deepEqual(problems({ OTEL_TRACES_EXPORTER: "zipkin,otlp,none" }), [
    "OTEL_TRACES_EXPORTER: zipkin is not known here",
  ]);
  const http = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318", OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" };
  t.deepEqual(problems(http), [
    "OTEL_EXPORTER_OTLP_PROTOCOL: http/protobuf is not known here; spans go by grpc",
  ]);
  t.deepEqual(problems({ ...http, OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "grpc" }), []);
  t.deepEqual(problems({ ...http, OTEL_TRACES_EXPORTER: "none" }), []);
});

test("the endpoint for traces is stronger", (t) => {
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://a:1",
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: " http://b:2 ",
  };
  t.is(endpointOf(optionsOf(env)), "http://b:2");
  t.is(endpointOf(optionsOf({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://a:1" })), "http://a:1");
});
